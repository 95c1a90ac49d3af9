#include "figures.h"

#include <utility>

#include "context.h"
#include "text.h"

namespace hygge::command {

void Figures::count(std::string_view name, std::uint64_t value) {
  figures_.push_back({Kind::count, std::string(name), value, ""});
}
void Figures::bytes(std::string_view name, std::uint64_t value) {
  figures_.push_back({Kind::bytes, std::string(name), value, ""});
}
void Figures::text(std::string_view name, std::string value) {
  figures_.push_back({Kind::text, std::string(name), 0, std::move(value)});
}

Result<void> Figures::write(Context& context) const {
  const bool table = context.format() == "table";
  const bool human = context.flag("human");
  Table out({{"", false, false, 0}, {"", true, true, 0}});
  for (const Figure& figure : figures_) {
    std::string shown = figure.text;
    if (figure.kind != Kind::text) {
      shown = !human ? (table ? grouped(figure.value) : std::to_string(figure.value))
              : figure.kind == Kind::bytes ? human_bytes(figure.value)
                                           : human_number(static_cast<double>(figure.value));
    }
    std::string name = figure.name;
    if (table) {
      for (char& c : name) c = c == '_' ? ' ' : c;
    }
    if (table) {
      out.add({std::move(name), std::move(shown)});
      continue;
    }
    std::string line;
    append_field(line, "tsv", name);
    line += '\t';
    append_field(line, "tsv", shown);
    if (auto wrote = context.out().write(line + "\n"); !wrote) return wrote;
  }
  return table ? context.out().write(out.text(context.look(), std::nullopt)) : Result<void>();
}

}  // namespace hygge::command
