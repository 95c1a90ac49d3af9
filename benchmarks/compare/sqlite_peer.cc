// SQLite doing the work of work.h, in process: one table clustered by (sid, ts), prepared inserts,
// a transaction per 5,000 samples, write-ahead log, synchronous=NORMAL, 256 MB of cache.
#include <sqlite3.h>

#include <filesystem>

#include "benchmarks/compare/sql.h"
#include "benchmarks/compare/work.h"

namespace hygge::bench {
namespace {

class Sqlite {
 public:
  explicit Sqlite(const std::string& file) {
    if (sqlite3_open(file.c_str(), &db_) != SQLITE_OK) give_up("sqlite: cannot open " + file);
  }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite() { sqlite3_close(db_); }

  /// Rows, and the sum of their last column.
  Digest ask(const std::string& sql) {
    sqlite3_stmt* statement = prepare(sql);
    Digest out;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      ++out.values;
      out.sum += sqlite3_column_double(statement, sqlite3_column_count(statement) - 1);
    }
    if (code != SQLITE_DONE) give_up(std::string("sqlite: ") + sqlite3_errmsg(db_));
    sqlite3_finalize(statement);
    return out;
  }
  [[nodiscard]] sqlite3_stmt* prepare(const std::string& sql) {
    sqlite3_stmt* out = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &out, nullptr) != SQLITE_OK) {
      give_up(std::string("sqlite: ") + sqlite3_errmsg(db_) + " in " + sql);
    }
    return out;
  }

 private:
  sqlite3* db_ = nullptr;
};

std::uint64_t append(Sqlite& db, const Work& work) {
  std::vector<Host> hosts = make_hosts(work.load);
  sqlite3_stmt* const insert = db.prepare("INSERT INTO samples VALUES(?,?,?)");
  std::uint64_t samples = 0;
  db.ask("BEGIN");
  for (std::int64_t k = 0; k < work.load.scrapes(); ++k) {
    for (Host& host : hosts) {
      const Host::Scrape scrape = host.scrape(k);
      for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
        sqlite3_bind_int(insert, 1,
                         host.number() * static_cast<int>(kSeriesPerHost) + static_cast<int>(i));
        sqlite3_bind_int64(insert, 2, scrape.t_ms);
        sqlite3_bind_double(insert, 3, scrape.values[i]);
        if (sqlite3_step(insert) != SQLITE_DONE) give_up("sqlite: insert failed");
        sqlite3_reset(insert);
        if (++samples % kBatchSamples != 0) continue;
        db.ask("COMMIT");
        db.ask("BEGIN");
      }
    }
  }
  db.ask("COMMIT");
  sqlite3_finalize(insert);
  db.ask("PRAGMA wal_checkpoint(TRUNCATE)");
  return samples;
}

void run(const Work& work) {
  const std::string peer = std::string("sqlite ") + sqlite3_libversion();
  const std::string dir = work.dir + "/sqlite";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  const double generator_s = generator_cpu_s(work.load);
  Sqlite db(dir + "/t.sqlite");
  db.ask("PRAGMA journal_mode=WAL");
  db.ask("PRAGMA synchronous=NORMAL");
  db.ask("PRAGMA cache_size=-262144");
  db.ask(
      "CREATE TABLE samples(sid INTEGER, ts INTEGER, v REAL, PRIMARY KEY(sid,ts)) WITHOUT ROWID");
  db.ask("CREATE TABLE series(sid INTEGER PRIMARY KEY, name TEXT, instance TEXT)");
  for (const Host& host : make_hosts(work.load)) {
    db.ask("INSERT INTO series VALUES" + series_rows(host));
  }
  db.ask("CREATE INDEX by_name ON series(name,instance)");
  const Usage before = usage_now();
  const std::uint64_t samples = append(db, work);
  print_append(peer, samples, (usage_now() - before).cpu_s - generator_s, tree_bytes(dir));
  print_answer(peer, "scan", samples, [&] { return db.ask("SELECT sid,ts,v FROM samples"); });
  for (const Question& question : kQuestions) {
    const std::string sql = sql_of(question, work, "/");
    print_answer(peer, question.name, samples, [&] { return db.ask(sql); });
  }
}

}  // namespace
}  // namespace hygge::bench

int main(int argc, char** argv) { hygge::bench::run(hygge::bench::work_of(argc, argv)); }
