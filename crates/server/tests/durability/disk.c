/* A disk that remembers what was asked of it.
 *
 * Loaded into passkeyd with LD_PRELOAD. Each write, each flush and each change of a name below the directory DISK_DIRECTORY is
 * appended to the file DISK_JOURNAL, in the order in which they happen. From this journal `disk.rs` builds the directory as a
 * loss of power would leave it.
 *
 * A flush takes a moment and flushes nothing: the journal alone says what is on the disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 65536

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static uint64_t position;
static const char *directory;
static size_t directory_length;
/* The handle of each open file below the directory; 0: another file. */
static uint32_t handles[FILES];
static uint32_t last_handle;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

static ssize_t append(const void *bytes, size_t length)
{
    REAL(ssize_t, write, int, const void *, size_t);
    return real(journal, bytes, length);
}

/* kind, handle, number, length, bytes. The order is held by the caller. */
static void note(char kind, uint32_t handle, uint64_t number, const void *bytes, size_t length)
{
    char head[17];
    uint32_t short_length = (uint32_t)length;
    head[0] = kind;
    memcpy(head + 1, &handle, 4);
    memcpy(head + 5, &number, 8);
    memcpy(head + 13, &short_length, 4);
    if (append(head, sizeof head) != sizeof head || append(bytes, length) != (ssize_t)length) abort();
    position += sizeof head + length;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("DISK_JOURNAL");
    REAL(int, open64, const char *, int, ...);
    directory = getenv("DISK_DIRECTORY");
    if (!directory || !path) abort();
    directory_length = strlen(directory);
    journal = real(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) abort();
}

/* The name below the directory, "" for the directory itself, or nothing. */
static const char *name_of(const char *path)
{
    if (!directory || strncmp(path, directory, directory_length)) return NULL;
    if (path[directory_length] == 0) return "";
    if (path[directory_length] != '/') return NULL;
    return path + directory_length + 1;
}

/* Something that the journal cannot tell: the test fails. */
static void unknown(const char *what)
{
    pthread_mutex_lock(&order);
    note('?', 0, 0, what, strlen(what));
    pthread_mutex_unlock(&order);
}

static uint32_t handle_of(int fd)
{
    return fd >= 0 && fd < FILES ? __atomic_load_n(&handles[fd], __ATOMIC_RELAXED) : 0;
}

static int opened(int (*really)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
    const char *name = name_of(path);
    struct stat before;
    int fd, is_new;
    if (!name) return really(path, flags, mode);
    pthread_mutex_lock(&order);
    is_new = stat(path, &before) != 0;
    fd = really(path, flags, mode);
    if (fd >= 0) {
        if (fd >= FILES) abort();
        if (flags & (O_TRUNC | O_APPEND | O_DIRECT)) note('?', 0, 0, "flags of open", 13);
        note('O', ++last_handle, is_new, name, strlen(name));
        __atomic_store_n(&handles[fd], last_handle, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&order);
    return fd;
}

static mode_t mode_of(int flags, va_list more)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;
    REAL(int, open, const char *, int, ...);
    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    return opened(real, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;
    REAL(int, open64, const char *, int, ...);
    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    return opened(real, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;
    REAL(int, openat64, int, const char *, int, ...);
    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    /* The directory in which the control socket was made is opened to be removed. */
    if (!(flags & O_DIRECTORY) && name_of(path)) unknown("openat");
    return real(at, path, flags, mode);
}

int close(int fd)
{
    REAL(int, close, int);
    if (handle_of(fd)) __atomic_store_n(&handles[fd], 0, __ATOMIC_RELAXED);
    return real(fd);
}

int dup(int fd)
{
    REAL(int, dup, int);
    if (handle_of(fd)) unknown("dup");
    return real(fd);
}

/* The whole write is noted before it is done: a reader of the file may be faster than the second system call. */
ssize_t write(int fd, const void *bytes, size_t length)
{
    uint32_t handle = handle_of(fd);
    ssize_t written;
    REAL(ssize_t, write, int, const void *, size_t);
    if (!handle) return real(fd, bytes, length);
    pthread_mutex_lock(&order);
    note('W', handle, (uint64_t)lseek(fd, 0, SEEK_CUR), bytes, length);
    written = real(fd, bytes, length);
    if (written != (ssize_t)length) note('?', 0, 0, "a short write", 13);
    pthread_mutex_unlock(&order);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
    uint32_t handle = handle_of(fd);
    ssize_t written;
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    if (!handle) return real(fd, bytes, length, at);
    pthread_mutex_lock(&order);
    note('W', handle, (uint64_t)at, bytes, length);
    written = real(fd, bytes, length, at);
    if (written != (ssize_t)length) note('?', 0, 0, "a short write", 13);
    pthread_mutex_unlock(&order);
    return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(ssize_t, writev, int, const struct iovec *, int);
    if (handle_of(fd)) unknown("writev");
    return real(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t);
    if (handle_of(fd)) unknown("pwritev");
    return real(fd, parts, count, at);
}

/* A copy in the kernel is unseen. Without it, the caller writes. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags)
{
    REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
    if (!handle_of(to)) return real(from, from_at, to, to_at, length, flags);
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t length)
{
    REAL(ssize_t, sendfile64, int, int, off64_t *, size_t);
    if (!handle_of(to)) return real(to, from, at, length);
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile(int to, int from, off_t *at, size_t length)
{
    REAL(ssize_t, sendfile, int, int, off_t *, size_t);
    if (!handle_of(to)) return real(to, from, at, length);
    errno = ENOSYS;
    return -1;
}

int ftruncate64(int fd, off64_t length)
{
    uint32_t handle = handle_of(fd);
    int done;
    REAL(int, ftruncate64, int, off64_t);
    if (!handle) return real(fd, length);
    pthread_mutex_lock(&order);
    note('T', handle, (uint64_t)length, "", 0);
    done = real(fd, length);
    if (done) note('?', 0, 0, "a failed truncate", 17);
    pthread_mutex_unlock(&order);
    return done;
}

/* All that was noted before a flush begins is on the disk when it has ended. */
static int flush(uint32_t handle)
{
    const struct timespec moment = {0, 500000};
    uint64_t began;
    pthread_mutex_lock(&order);
    began = position;
    note('B', handle, 0, "", 0);
    pthread_mutex_unlock(&order);
    nanosleep(&moment, NULL);
    pthread_mutex_lock(&order);
    note('E', handle, began, "", 0);
    pthread_mutex_unlock(&order);
    return 0;
}

int fsync(int fd)
{
    REAL(int, fsync, int);
    return handle_of(fd) ? flush(handle_of(fd)) : real(fd);
}

int fdatasync(int fd)
{
    REAL(int, fdatasync, int);
    return handle_of(fd) ? flush(handle_of(fd)) : real(fd);
}

int unlink(const char *path)
{
    const char *name = name_of(path);
    int done;
    REAL(int, unlink, const char *);
    if (!name) return real(path);
    pthread_mutex_lock(&order);
    done = real(path);
    if (!done) note('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&order);
    return done;
}

int rename(const char *from, const char *to)
{
    const char *old_name = name_of(from), *new_name = name_of(to);
    char names[8192];
    int done, length;
    REAL(int, rename, const char *, const char *);
    if (!old_name && !new_name) return real(from, to);
    if (!old_name || !new_name) unknown("rename");
    pthread_mutex_lock(&order);
    done = real(from, to);
    length = snprintf(names, sizeof names, "%s/%s", old_name, new_name);
    if (!done) note('R', 0, 0, names, (size_t)length);
    pthread_mutex_unlock(&order);
    return done;
}

/* SQLite maps its -shm file, which it makes anew at each start. A database file that is mapped would be written unseen. */
static void mapped(int fd, int protection, int flags)
{
    char link[64], path[4096];
    ssize_t length;
    if (!handle_of(fd) || !(protection & PROT_WRITE) || !(flags & MAP_SHARED)) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path);
    if (length < 4 || memcmp(path + length - 4, "-shm", 4)) unknown("mmap");
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    REAL(void *, mmap, void *, size_t, int, int, int, off_t);
    mapped(fd, protection, flags);
    return real(at, length, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset)
{
    REAL(void *, mmap64, void *, size_t, int, int, int, off64_t);
    mapped(fd, protection, flags);
    return real(at, length, protection, flags, fd, offset);
}
