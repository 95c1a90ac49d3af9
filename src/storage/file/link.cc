#include "storage/file/link.h"

#include <unistd.h>

#include <cerrno>

#include "storage/file/files.h"

namespace hygge::storage {

Result<bool> link_file(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return true;
  switch (errno) {
    case EXDEV:
    case EPERM:  // also where this user may read a file but not link it
    case EMLINK:
    case EOPNOTSUPP:
    case ENOSYS:
      return false;
    default:
      return tl::unexpected<Error>(errno_error(errno, "linking", from));
  }
}

}  // namespace hygge::storage
