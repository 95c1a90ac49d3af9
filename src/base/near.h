// The near names are public: the command offers them too.
#pragma once

#include <hygge/near.h>
