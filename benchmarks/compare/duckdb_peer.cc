// DuckDB doing the work of work.h, in process, through its C interface. The npm package ships the
// library without a header, so what is used is declared here. Two threads; vectors of 2,048 rows go
// through the appender; once all is there the table is written sorted by (sid, ts), which is what
// DuckDB's own guide asks for, and counts as appending.
#include <filesystem>

#include "benchmarks/compare/sql.h"
#include "benchmarks/compare/work.h"

extern "C" {
using idx_t = std::uint64_t;
using duckdb_database = struct duckdb_database_tag*;
using duckdb_connection = struct duckdb_connection_tag*;
using duckdb_appender = struct duckdb_appender_tag*;
using duckdb_logical_type = struct duckdb_logical_type_tag*;
using duckdb_data_chunk = struct duckdb_data_chunk_tag*;
using duckdb_vector = struct duckdb_vector_tag*;
struct duckdb_result {
  idx_t counts[3];
  void* columns;
  char* error;
  void* internal;
};
int duckdb_open(const char* path, duckdb_database* out);
void duckdb_close(duckdb_database* database);
int duckdb_connect(duckdb_database database, duckdb_connection* out);
void duckdb_disconnect(duckdb_connection* connection);
int duckdb_query(duckdb_connection connection, const char* sql, duckdb_result* out);
const char* duckdb_result_error(duckdb_result* result);
void duckdb_destroy_result(duckdb_result* result);
double duckdb_value_double(duckdb_result* result, idx_t column, idx_t row);
int duckdb_appender_create(duckdb_connection connection, const char* schema, const char* table,
                           duckdb_appender* out);
int duckdb_appender_destroy(duckdb_appender* appender);
duckdb_logical_type duckdb_create_logical_type(int type);
duckdb_data_chunk duckdb_create_data_chunk(duckdb_logical_type* types, idx_t count);
duckdb_vector duckdb_data_chunk_get_vector(duckdb_data_chunk chunk, idx_t column);
void* duckdb_vector_get_data(duckdb_vector vector);
void duckdb_data_chunk_set_size(duckdb_data_chunk chunk, idx_t size);
void duckdb_data_chunk_reset(duckdb_data_chunk chunk);
int duckdb_append_data_chunk(duckdb_appender appender, duckdb_data_chunk chunk);
const char* duckdb_library_version();
}

namespace hygge::bench {
namespace {

class Duck {
 public:
  explicit Duck(const std::string& file) {
    if (duckdb_open(file.c_str(), &database_) != 0 ||
        duckdb_connect(database_, &connection_) != 0) {
      give_up("duckdb: cannot open " + file);
    }
  }
  Duck(const Duck&) = delete;
  Duck& operator=(const Duck&) = delete;
  ~Duck() {
    duckdb_disconnect(&connection_);
    duckdb_close(&database_);
  }

  void run(const std::string& sql) {
    duckdb_result result{};
    if (duckdb_query(connection_, sql.c_str(), &result) != 0) {
      give_up(std::string("duckdb: ") + duckdb_result_error(&result) + " in " + sql);
    }
    duckdb_destroy_result(&result);
  }
  /// The first row of a query whose columns are count and sum.
  Digest ask(const std::string& sql) {
    duckdb_result result{};
    if (duckdb_query(connection_, sql.c_str(), &result) != 0) {
      give_up(std::string("duckdb: ") + duckdb_result_error(&result) + " in " + sql);
    }
    const Digest out{static_cast<std::uint64_t>(duckdb_value_double(&result, 0, 0)),
                     duckdb_value_double(&result, 1, 0)};
    duckdb_destroy_result(&result);
    return out;
  }
  [[nodiscard]] duckdb_connection connection() const noexcept { return connection_; }

 private:
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

/// Rows for a table (sid INTEGER, ts BIGINT, v DOUBLE), a vector at a time.
class Appender {
 public:
  Appender(const Duck& db, const char* table) {
    constexpr int kInteger = 4;
    constexpr int kBigint = 5;
    constexpr int kDouble = 11;
    if (duckdb_appender_create(db.connection(), nullptr, table, &appender_) != 0) {
      give_up("duckdb: no appender");
    }
    std::array<duckdb_logical_type, 3> types = {duckdb_create_logical_type(kInteger),
                                                duckdb_create_logical_type(kBigint),
                                                duckdb_create_logical_type(kDouble)};
    chunk_ = duckdb_create_data_chunk(types.data(), types.size());
    bind();
  }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;
  ~Appender() {
    flush();
    duckdb_appender_destroy(&appender_);
  }

  void add(std::int32_t sid, std::int64_t t_ms, double v) {
    sid_[used_] = sid;
    t_[used_] = t_ms;
    v_[used_] = v;
    if (++used_ == kVectorRows) flush();
  }

 private:
  static constexpr idx_t kVectorRows = 2'048;

  void bind() {
    const auto data = [&](idx_t column) {
      return duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk_, column));
    };
    sid_ = static_cast<std::int32_t*>(data(0));
    t_ = static_cast<std::int64_t*>(data(1));
    v_ = static_cast<double*>(data(2));
  }
  void flush() {
    if (used_ == 0) return;
    duckdb_data_chunk_set_size(chunk_, used_);
    if (duckdb_append_data_chunk(appender_, chunk_) != 0) give_up("duckdb: append failed");
    duckdb_data_chunk_reset(chunk_);
    bind();
    used_ = 0;
  }

  duckdb_appender appender_ = nullptr;
  duckdb_data_chunk chunk_ = nullptr;
  std::int32_t* sid_ = nullptr;
  std::int64_t* t_ = nullptr;
  double* v_ = nullptr;
  idx_t used_ = 0;
};

std::uint64_t append(Duck& db, const Work& work) {
  std::vector<Host> hosts = make_hosts(work.load);
  std::uint64_t samples = 0;
  {
    Appender rows(db, "raw");
    for (std::int64_t k = 0; k < work.load.scrapes(); ++k) {
      for (Host& host : hosts) {
        const Host::Scrape scrape = host.scrape(k);
        const std::int32_t first = host.number() * static_cast<std::int32_t>(kSeriesPerHost);
        for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
          rows.add(first + static_cast<std::int32_t>(i), scrape.t_ms, scrape.values[i]);
        }
        samples += kSeriesPerHost;
      }
    }
  }
  db.run("CREATE TABLE sorted.samples AS SELECT * FROM raw ORDER BY sid,ts");
  db.run("CHECKPOINT sorted");
  return samples;
}

void run(const Work& work) {
  const std::string peer = std::string("duckdb ") + duckdb_library_version();
  const std::string dir = work.dir + "/duckdb";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir + "/sorted");
  const double generator_s = generator_cpu_s(work.load);
  Duck db(dir + "/raw.duckdb");
  db.run("SET threads=2");
  db.run("ATTACH '" + dir + "/sorted/t.duckdb' AS sorted");
  db.run("CREATE TABLE raw(sid INTEGER, ts BIGINT, v DOUBLE)");
  db.run("CREATE TABLE sorted.series(sid INTEGER, name TEXT, instance TEXT)");
  for (const Host& host : make_hosts(work.load)) {
    db.run("INSERT INTO sorted.series VALUES" + series_rows(host));
  }
  const Usage before = usage_now();
  const std::uint64_t samples = append(db, work);
  print_append(peer, samples, (usage_now() - before).cpu_s - generator_s,
               tree_bytes(dir + "/sorted"));
  db.run("USE sorted");
  print_answer(peer, "scan", samples,
               [&] { return db.ask("SELECT count(*)::DOUBLE,sum(v) FROM samples"); });
  for (const Question& question : kQuestions) {
    const std::string sql = "SELECT count(*)::DOUBLE,sum(x) FROM (" + sql_of(question, work, "//") +
                            ") AS answer(sid,w,x)";
    print_answer(peer, question.name, samples, [&] { return db.ask(sql); });
  }
}

}  // namespace
}  // namespace hygge::bench

int main(int argc, char** argv) { hygge::bench::run(hygge::bench::work_of(argc, argv)); }
