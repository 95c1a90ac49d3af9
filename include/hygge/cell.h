// The rollup cell: mergeable window state.
#pragma once
