#include "window/sketch_row.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace hygge::windows {

namespace {

void put_numbers(std::span<const std::int64_t> numbers, pack::Encoder& with, std::string& out) {
  std::string block;
  for (std::size_t at = 0; at < numbers.size(); at += kSketchBlock) {
    block.clear();
    with.append_integers(numbers.subspan(at, std::min(kSketchBlock, numbers.size() - at)), block);
    put_text(out, block);
  }
}

// False: they are damaged.
bool read_numbers(ByteReader& in, std::size_t count, std::vector<std::int64_t>& out) {
  out.clear();
  std::vector<std::int64_t> block;
  while (out.size() < count) {
    const Bytes bytes = as_bytes(in.text());
    const std::size_t size = std::min(kSketchBlock, count - out.size());
    if (!in.ok() || pack::decode_integers(bytes, size, block) != pack::Error::none) return false;
    out.insert(out.end(), block.begin(), block.end());
  }
  return true;
}

// The keys and ends of the cells that have sketches, from four columns read one after the other.
class Reader {
 public:
  Reader(ByteReader& in, std::span<const TimedCell> cells, SketchScales& scales,
         std::vector<std::int64_t>& numbers, CellSketches& out)
      : in_(in), cells_(cells), scales_(scales), numbers_(numbers), out_(out) {}

  const char* read() {
    const std::uint64_t ppm = in_.varint();
    const std::uint64_t some = in_.varint();
    const std::uint64_t all = in_.varint();
    if (!in_.ok()) return "sketches cut short";
    if (ppm < kMinSketchPpm || ppm > kMaxSketchPpm) return "sketches of an unknown accuracy";
    const auto have = std::count_if(cells_.begin(), cells_.end(), has_sketch);
    if (some != static_cast<std::uint64_t>(have)) return "sketches of other cells";
    if (all < some || all > kMaxRowBuckets || (some == 0 && all != 0)) return "too many buckets";
    out_.accuracy_ppm = static_cast<std::uint32_t>(ppm);
    out_.keys.resize(static_cast<std::size_t>(all));
    out_.counts.resize(static_cast<std::size_t>(all));
    const char* wrong = sizes();
    if (wrong == nullptr) wrong = keys();
    if (wrong == nullptr) wrong = counts();
    if (wrong == nullptr && !in_.done()) wrong = "bytes behind the last sketch";
    return wrong;
  }

 private:
  static bool has_sketch(const TimedCell& one) { return one.cell.n > kSamplesInCell; }

  template <typename Visit>
  bool each(Visit&& visit) {
    for (std::size_t i = 0, sketch = 0; i < cells_.size(); ++i) {
      if (has_sketch(cells_[i]) && !visit(i, sketch++)) return false;
    }
    return true;
  }
  [[nodiscard]] std::size_t sketches() const {
    return static_cast<std::size_t>(std::count_if(cells_.begin(), cells_.end(), has_sketch));
  }

  const char* sizes() {
    if (!read_numbers(in_, sketches(), numbers_)) return "the sizes of sketches";
    std::size_t end = 0;
    std::size_t sketch = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (has_sketch(cells_[i])) {
        const auto size = static_cast<std::uint64_t>(numbers_[sketch++]);
        if (size == 0 || size > out_.keys.size() - end) return "the sizes of sketches";
        end += static_cast<std::size_t>(size);
      }
      out_.ends[i] = end;
    }
    return end == out_.keys.size() ? nullptr : "the sizes of sketches";
  }

  const char* keys() {
    constexpr const char* kWrong = "the keys of sketches";
    const SketchScale& scale = scales_.of(out_.accuracy_ppm);
    if (!read_numbers(in_, sketches(), numbers_)) return kWrong;
    const bool sound = each([&](std::size_t i, std::size_t sketch) {
      if (!scale.is_key(numbers_[sketch])) return false;
      out_.keys[out_.begin_of(i)] = static_cast<SketchKey>(numbers_[sketch]);
      return true;
    });
    if (!sound || !read_numbers(in_, out_.keys.size() - sketches(), numbers_)) return kWrong;
    std::size_t at = 0;
    const bool rises = each([&](std::size_t i, std::size_t) {
      for (std::size_t b = out_.begin_of(i) + 1; b < out_.ends[i]; ++b) {
        const std::int64_t gap = numbers_[at++];
        if (gap < 0 || gap > std::numeric_limits<SketchKey>::max()) return false;
        const std::int64_t key = out_.keys[b - 1] + gap + 1;
        if (!scale.is_key(key)) return false;
        out_.keys[b] = static_cast<SketchKey>(key);
      }
      return true;
    });
    return rises ? nullptr : kWrong;
  }

  const char* counts() {
    constexpr const char* kWrong = "the counts of sketches";
    if (!read_numbers(in_, out_.counts.size(), numbers_)) return kWrong;
    const bool sound = each([&](std::size_t i, std::size_t) {
      std::uint64_t left = cells_[i].cell.n;
      for (std::size_t b = out_.begin_of(i); b < out_.ends[i]; ++b) {
        const auto count = static_cast<std::uint64_t>(numbers_[b]) + 1;
        if (count == 0 || count > left) return false;
        left -= count;
        out_.counts[b] = count;
      }
      return left == 0;
    });
    return sound ? nullptr : kWrong;
  }

  ByteReader& in_;
  std::span<const TimedCell> cells_;
  SketchScales& scales_;
  std::vector<std::int64_t>& numbers_;
  CellSketches& out_;
};

}  // namespace

void put_sketches(std::span<const TimedCell> cells, const CellSketches& sketches,
                  pack::Encoder& with, std::string& out) {
  HYGGE_ASSERT(sketches.ends.size() == cells.size());
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> lowest;
  std::vector<std::int64_t> gaps;
  std::vector<std::int64_t> counts;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].cell.n <= kSamplesInCell) continue;
    const std::size_t begin = sketches.begin_of(i);
    HYGGE_ASSERT(begin < sketches.ends[i]);
    sizes.push_back(static_cast<std::int64_t>(sketches.ends[i] - begin));
    lowest.push_back(sketches.keys[begin]);
    for (std::size_t b = begin; b < sketches.ends[i]; ++b) {
      if (b > begin) gaps.push_back(std::int64_t{sketches.keys[b]} - sketches.keys[b - 1] - 1);
      counts.push_back(static_cast<std::int64_t>(sketches.counts[b]) - 1);
    }
  }
  put_varint(out, sketches.accuracy_ppm);
  put_varint(out, sizes.size());
  put_varint(out, counts.size());
  for (const auto* column : {&sizes, &lowest, &gaps, &counts}) put_numbers(*column, with, out);
}

const char* read_sketches(Bytes bytes, std::span<const TimedCell> cells, SketchScales& scales,
                          std::vector<std::int64_t>& scratch, CellSketches& out) {
  HYGGE_ASSERT(out.keys.empty() && out.ends.size() == cells.size());
  ByteReader in(bytes);
  return Reader(in, cells, scales, scratch, out).read();
}

}  // namespace hygge::windows
