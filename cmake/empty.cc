// A library made of object files needs one source of its own.
