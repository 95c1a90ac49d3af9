# Install rules, find_package(hygge) and hygge.pc. tests/install builds the examples against the result.
