#include "formats/slo_document.h"

#include <hygge/formats.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "formats/slo_fields.h"

namespace hygge::formats {

namespace {

// Walks over documents and notes where each begins.
class DocumentStarts final : public YAML::EventHandler {
 public:
  [[nodiscard]] const YAML::Mark& last() const noexcept { return last_; }

  void OnDocumentStart(const YAML::Mark& mark) override { last_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark last_ = YAML::Mark::null_mark();
};

// The documents of a text. yaml-cpp 0.7 takes a stray "," or "]" between documents for an empty one
// and never gets past it (LoadAll would loop for ever): two documents that begin at one place are
// that, and an error.
std::vector<YAML::Node> load_documents(const std::string& yaml) {
  std::istringstream text(yaml);
  YAML::Parser parser(text);
  DocumentStarts starts;
  int before = -1;
  while (parser.HandleNextDocument(starts)) {
    if (starts.last().pos == before) {
      throw YAML::ParserException(starts.last(), "a stray character where a document may begin");
    }
    before = starts.last().pos;
  }
  return YAML::LoadAll(yaml);
}

// YAML nested too deeply would exhaust the stack of its reader: as brackets, as indentation, and as
// a run of indicators, "- - - …", where each level takes a column at least.
bool too_deep(std::string_view yaml) {
  constexpr int kMaxBrackets = 64;
  constexpr int kMaxColumn = 256;
  int brackets = 0;
  int lead = 0;  // of the line, up to the first other character; negative: past it
  for (const char c : yaml) {
    if (c == '[' || c == '{') ++brackets;
    if ((c == ']' || c == '}') && brackets > 0) --brackets;
    if (c == '\n') {
      lead = 0;
    } else if (lead >= 0) {
      lead = c == ' ' || c == '-' || c == '?' || c == ':' || c == '\t' ? lead + 1 : -1;
    }
    if (brackets > kMaxBrackets || lead > kMaxColumn) return true;
  }
  return false;
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  auto input = path == "-" ? Result<Input>(Input::from_descriptor(0, "stdin")) : Input::open(path);
  if (!input) return tl::unexpected<Error>(input.error());
  std::string text;
  std::array<char, 4096> block{};
  while (text.size() <= kMaxTextFileBytes) {
    auto got = input->read(block.data(), block.size());
    if (!got) return tl::unexpected<Error>(got.error());
    if (*got == 0) break;
    text.append(block.data(), *got);
  }
  return text;
}

void for_each_document(std::string_view yaml, const std::string& name, SloFile& out,
                       const std::function<void(const YAML::Node&)>& read) {
  if (yaml.size() > kMaxTextFileBytes || too_deep(yaml)) {
    out.errors.push_back({name, 1, 1, "E_YAML", "larger than 1 MiB, or nested too deeply"});
    return;
  }
  // yaml-cpp throws; nothing of that leaves this function.
  try {
    for (const YAML::Node& document : load_documents(std::string(yaml))) {
      if (!document.IsNull()) read(document);
    }
  } catch (const YAML::Exception& e) {
    const auto place = [](int value) {
      return value < 0 ? 0U : static_cast<std::uint32_t>(value) + 1;
    };
    out.errors.push_back({name, place(e.mark.line), place(e.mark.column), "E_YAML", e.msg});
  } catch (const std::exception& e) {
    out.errors.push_back({name, 1, 1, "E_YAML", e.what()});
  }
}

Error error_of(std::span<const SloFileError> errors) {
  std::string message;
  for (std::size_t i = 0; i < std::min(errors.size(), SloFields::kMaxErrors); ++i) {
    message += (i == 0 ? "" : "\n") + errors[i].text();
  }
  Error error{ErrorCode::parse, std::move(message), {}, {}};
  error.place.line = errors[0].line;
  error.place.column = errors[0].column;
  return error;
}

}  // namespace hygge::formats
