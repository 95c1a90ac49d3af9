// POST /api/v1/write: from a remote write's body into the database.
#pragma once

#include <hygge/db.h>
#include <hygge/server.h>

namespace hygge::server {

/// 204 when everything was stored; 400 when series or histogram samples were refused (all else is
/// stored) or the body is no write; 413, 415; 500 where the database cannot, which is to be
/// retried.
[[nodiscard]] Reply write_samples(Db& db, const Request& request, const Limits& limits);

}  // namespace hygge::server
