// The verbs that treat a database directory as a whole.
#pragma once

#include <hygge/error.h>

namespace hygge::command {

class Context;

Result<int> run_db_verify(Context& context);
Result<int> run_db_repair(Context& context);
Result<int> run_db_upgrade(Context& context);
Result<int> run_db_clone(Context& context);
Result<int> run_db_snapshot(Context& context);
Result<int> run_db_diff(Context& context);

}  // namespace hygge::command
