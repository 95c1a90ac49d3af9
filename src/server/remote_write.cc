#include "server/remote_write.h"

#include <fmt/format.h>
#include <snappy.h>

#include <exception>
#include <protozero/pbf_reader.hpp>

namespace hygge::server {

namespace {

using Reader = protozero::pbf_reader;
using Wire = protozero::pbf_wire_type;

// A field of the right number and wrong type is skipped, like any unknown one.
constexpr std::uint32_t field(std::uint32_t tag, Wire type) {
  return protozero::tag_and_type(tag, type);
}

std::string_view text(Reader& reader) {
  const auto view = reader.get_view();
  return {view.data(), view.size()};
}

MetricType metric_type(std::int32_t type) {
  switch (type) {
    case 1:
      return MetricType::counter;
    case 2:
      return MetricType::gauge;
    case 3:
      return MetricType::histogram;
    case 4:
      return MetricType::gauge_histogram;
    case 5:
      return MetricType::summary;
    case 6:
      return MetricType::info;
    case 7:
      return MetricType::stateset;
    default:
      return MetricType::unknown;
  }
}

class Walker {
 public:
  explicit Walker(const WriteVisitor& visitor) : visitor_(visitor) {}

  void request(Reader message) {
    while (message.next()) {
      switch (message.tag_and_type()) {
        case field(1, Wire::length_delimited):
          series(message.get_message());
          break;
        case field(3, Wire::length_delimited):
          metadata(message.get_message());
          break;
        default:
          message.skip();
      }
    }
  }

 private:
  // Labels first, wherever they stand: samples come with them known.
  void series(Reader message) {
    labels_.clear();
    std::size_t label_count = 0;
    for (Reader pass = message; pass.next();) {
      if (pass.tag_and_type() != field(1, Wire::length_delimited)) {
        pass.skip();
        continue;
      }
      Reader one = pass.get_message();
      const LabelPair pair = label(one);
      if (++label_count <= kMaxWriteLabels) labels_.push_back(pair);
    }
    const bool wanted = !visitor_.series || visitor_.series(labels_, label_count);
    std::size_t histograms = 0;
    std::size_t exemplars = 0;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case field(2, Wire::length_delimited):
          sample(message.get_message(), wanted);
          break;
        case field(3, Wire::length_delimited):
          message.skip();
          ++exemplars;
          break;
        case field(4, Wire::length_delimited):
          message.skip();
          ++histograms;
          break;
        default:
          message.skip();
      }
    }
    if (histograms > 0 && visitor_.histograms) visitor_.histograms(histograms);
    if (exemplars > 0 && visitor_.exemplars) visitor_.exemplars(exemplars);
  }

  static LabelPair label(Reader message) {
    LabelPair pair;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case field(1, Wire::length_delimited):
          pair.first = text(message);
          break;
        case field(2, Wire::length_delimited):
          pair.second = text(message);
          break;
        default:
          message.skip();
      }
    }
    return pair;
  }

  void sample(Reader message, bool wanted) {
    double v = 0;
    TimeMs t_ms = 0;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case field(1, Wire::fixed64):
          v = message.get_double();
          break;
        case field(2, Wire::varint):
          t_ms = message.get_int64();
          break;
        default:
          message.skip();
      }
    }
    if (wanted && visitor_.sample) visitor_.sample(t_ms, v);
  }

  void metadata(Reader message) {
    Metadata metadata;
    std::string_view family;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case field(1, Wire::varint):
          metadata.type = metric_type(message.get_int32());
          break;
        case field(2, Wire::length_delimited):
          family = text(message);
          break;
        case field(4, Wire::length_delimited):
          metadata.help = text(message);
          break;
        case field(5, Wire::length_delimited):
          metadata.unit = text(message);
          break;
        default:
          message.skip();
      }
    }
    if (visitor_.metadata) visitor_.metadata(family, metadata);
  }

  const WriteVisitor& visitor_;
  std::vector<LabelPair> labels_;
};

}  // namespace

Result<std::string> unsnappy(std::string_view block, std::size_t max_bytes) {
  std::size_t declared = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &declared)) {
    return fail(ErrorCode::parse, "the body is no snappy block");
  }
  if (max_bytes != 0 && declared > max_bytes) {
    return fail(ErrorCode::limit, fmt::format("the snappy block declares {} bytes, the limit is {}",
                                              declared, max_bytes));
  }
  // Snappy's best ratio is about 21; a block that promises much more cannot keep it.
  constexpr std::size_t kBestRatio = 64;
  if (declared / kBestRatio > block.size()) {
    return fail(ErrorCode::parse,
                fmt::format("a snappy block of {} bytes cannot hold {}", block.size(), declared));
  }
  std::string out(declared, '\0');
  if (!snappy::RawUncompress(block.data(), block.size(), out.data())) {
    return fail(ErrorCode::parse, "the snappy block is damaged");
  }
  return out;
}

Result<void> walk_write_request(std::string_view message, const WriteVisitor& visitor) {
  try {
    Walker(visitor).request(Reader(message.data(), message.size()));
  } catch (const protozero::exception& error) {
    return fail(ErrorCode::parse, fmt::format("the body is no WriteRequest: {}", error.what()));
  }
  return {};
}

}  // namespace hygge::server
