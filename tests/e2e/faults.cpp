// A disk that is full or read-only, for any user on any machine: preloaded into a program and all that it starts.
//
// DSIMPORT_FAULT_UNDER     the folder that lies on that disk
// DSIMPORT_FAULT_BUDGET    file that holds how many bytes may still be written there (int64, shared by all processes)
// DSIMPORT_FAULT_READONLY  set: nothing may be created, renamed, removed or opened for writing there
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace {

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

bool under(const std::string& path) {
  const char* folder = getenv("DSIMPORT_FAULT_UNDER");
  return folder != nullptr && path.compare(0, strlen(folder), folder) == 0;
}

std::string absolute(int folder, const char* path) {
  if (path[0] == '/') return path;
  char link[64], target[4096];
  snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
  const ssize_t size = readlink(link, target, sizeof target);
  return size < 0 ? path : std::string(target, static_cast<size_t>(size)) + "/" + path;
}

bool refused(int folder, const char* path) {
  if (getenv("DSIMPORT_FAULT_READONLY") == nullptr || !under(absolute(folder, path))) return false;
  errno = EROFS;
  return true;
}

int64_t* budget() {
  static int64_t* shared = [] {
    const char* file = getenv("DSIMPORT_FAULT_BUDGET");
    if (file == nullptr) return static_cast<int64_t*>(nullptr);
    const int descriptor = real<int (*)(const char*, int, ...)>("open")(file, O_RDWR | O_CLOEXEC);
    void* memory = mmap(nullptr, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    return memory == MAP_FAILED ? nullptr : static_cast<int64_t*>(memory);
  }();
  return shared;
}

// How much of `size` bytes there is room for.
size_t room(int descriptor, size_t size) {
  if (budget() == nullptr || size == 0) return size;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  char target[4096];
  const ssize_t length = readlink(link, target, sizeof target);
  if (length < 0 || !under(std::string(target, static_cast<size_t>(length)))) return size;
  const int64_t left = __atomic_fetch_sub(budget(), static_cast<int64_t>(size), __ATOMIC_SEQ_CST);
  const size_t fits = left <= 0 ? 0 : left < static_cast<int64_t>(size) ? static_cast<size_t>(left) : size;
  __atomic_fetch_add(budget(), static_cast<int64_t>(size - fits), __ATOMIC_SEQ_CST);
  return fits;
}

int open_at(int folder, const char* path, int flags, mode_t mode) {
  if ((flags & (O_CREAT | O_TRUNC | O_ACCMODE)) != O_RDONLY && refused(folder, path)) return -1;
  return real<int (*)(int, const char*, int, ...)>("openat")(folder, path, flags, mode);
}

mode_t mode_of(int flags, va_list arguments) { return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0; }

}  // namespace

#define OPEN_FUNCTION(name)                       \
  int name(const char* path, int flags, ...) {    \
    va_list arguments;                            \
    va_start(arguments, flags);                   \
    const mode_t mode = mode_of(flags, arguments); \
    va_end(arguments);                            \
    return open_at(AT_FDCWD, path, flags, mode);  \
  }

#define OPENAT_FUNCTION(name)                              \
  int name(int folder, const char* path, int flags, ...) { \
    va_list arguments;                                     \
    va_start(arguments, flags);                            \
    const mode_t mode = mode_of(flags, arguments);         \
    va_end(arguments);                                     \
    return open_at(folder, path, flags, mode);             \
  }

extern "C" {

OPEN_FUNCTION(open)
OPEN_FUNCTION(open64)
OPENAT_FUNCTION(openat64)

ssize_t write(int descriptor, const void* data, size_t size) {
  const size_t fits = room(descriptor, size);
  if (fits == 0 && size != 0) {
    errno = ENOSPC;
    return -1;
  }
  return real<ssize_t (*)(int, const void*, size_t)>("write")(descriptor, data, fits);
}

int mkdir(const char* path, mode_t mode) {
  struct stat status;
  // As the kernel has it: what is there already is reported first.
  if (stat(path, &status) != 0 && refused(AT_FDCWD, path)) return -1;
  return real<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}

int rename(const char* from, const char* to) {
  if (refused(AT_FDCWD, to)) return -1;
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}

int unlink(const char* path) {
  if (refused(AT_FDCWD, path)) return -1;
  struct stat status;
  const bool freed = budget() != nullptr && under(absolute(AT_FDCWD, path)) && stat(path, &status) == 0;
  const int result = real<int (*)(const char*)>("unlink")(path);
  if (result == 0 && freed) __atomic_fetch_add(budget(), static_cast<int64_t>(status.st_size), __ATOMIC_SEQ_CST);
  return result;
}

int rmdir(const char* path) {
  if (refused(AT_FDCWD, path)) return -1;
  return real<int (*)(const char*)>("rmdir")(path);
}

}  // extern "C"
