// Definitions of OpenSLO, v1: an SLO, and the objects of other documents that it names.
#pragma once

#include <hygge/slo_file.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "formats/slo_fields.h"

namespace hygge::formats {

/// Whether the document says that it is OpenSLO's, of whatever version.
[[nodiscard]] bool is_openslo(const YAML::Node& document);

/// SLIs, alert policies and conditions by kind and name, from all files of a call.
class OpenSloObjects {
 public:
  struct Object {
    YAML::Node document;
    std::string file;
  };
  /// Keeps the document if an SLO may name it. Of two with one name the first stands.
  void add(const YAML::Node& document, const std::string& file);
  [[nodiscard]] const Object* find(const std::string& kind, const std::string& name) const;
  [[nodiscard]] std::size_t size() const noexcept { return by_name_.size(); }

 private:
  std::map<std::pair<std::string, std::string>, Object> by_name_;
};

/// Adds the definition of a document of kind SLO; other kinds say nothing by themselves. What it
/// says and we cannot is E_UNSUPPORTED.
void read_openslo(SloFile& out, const YAML::Node& document, const std::string& file,
                  const OpenSloObjects& objects);

/// `timeWindow`: one, rolling or of a calendar. Sets window and calendar.
void read_openslo_window(SloFields& fields, const YAML::Node& spec, slo::Definition& out);

}  // namespace hygge::formats
