// db clone, db snapshot: a second database that shares the first one's files.
#include <fmt/format.h>
#include <hygge/house.h>

#include <string>

#include "context.h"
#include "figures.h"
#include "house.h"
#include "json.h"

namespace hygge::command {

namespace {

Result<int> report(Context& context, const std::string& to, bool snapshot,
                   const CopyReport& copied) {
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.copy/1").member("directory", to);
    json.member("snapshot", snapshot).member("files", copied.files);
    json.member("linked_bytes", copied.linked_bytes);
    json.member("copied_bytes", copied.copied_bytes).close('}');
    if (auto wrote = context.out().write(json.out() + "\n"); !wrote) {
      return tl::unexpected<Error>(wrote.error());
    }
    return 0;
  }
  Figures figures;
  figures.text("directory", to);
  figures.count("files", copied.files);
  figures.bytes("linked_bytes", copied.linked_bytes);
  figures.bytes("copied_bytes", copied.copied_bytes);
  if (auto wrote = figures.write(context); !wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

Result<int> copy(Context& context, bool snapshot) {
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  const std::string& to = context.arguments().values[0];
  const auto copied = snapshot ? hygge::snapshot(*dir, to) : hygge::clone(*dir, to);
  if (!copied) return tl::unexpected<Error>(copied.error());
  return report(context, to, snapshot, *copied);
}

}  // namespace

Result<int> run_db_clone(Context& context) { return copy(context, /*snapshot=*/false); }
Result<int> run_db_snapshot(Context& context) { return copy(context, /*snapshot=*/true); }

}  // namespace hygge::command
