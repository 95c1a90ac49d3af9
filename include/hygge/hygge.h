// Everything of hygge::hygge. See README.md for the twenty-line program.
#pragma once

#include <hygge/batch.h>
#include <hygge/cardinality.h>
#include <hygge/cell.h>
#include <hygge/chunk_report.h>
#include <hygge/clock.h>
#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/gorilla.h>
#include <hygge/house.h>
#include <hygge/labels.h>
#include <hygge/maintain.h>
#include <hygge/metadata.h>
#include <hygge/near.h>
#include <hygge/options.h>
#include <hygge/policy.h>
#include <hygge/promql.h>
#include <hygge/retention.h>
#include <hygge/sample.h>
#include <hygge/selector.h>
#include <hygge/slo.h>
#include <hygge/slo_history.h>
#include <hygge/slo_types.h>
#include <hygge/time.h>
#include <hygge/view.h>
#include <hygge/window.h>
