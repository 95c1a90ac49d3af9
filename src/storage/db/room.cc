// This room's first source has yet to land.
