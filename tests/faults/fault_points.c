/* The points of an operation at which a process can be ended, or its disk be full, one by one.
 *
 * Loaded before the C library. Each call that puts something below one folder (or, where sockets
 * count, sends something to a server) is a point. At the chosen one the process is killed before
 * the call is made, or half of a write is made and then it is killed, or the call fails because
 * the disk is full. Power that is lost takes the process and the whole disk: what it was not told
 * to keep is gone (EXT4_IOC_SHUTDOWN, without its journal). Or the process lives on and loses its
 * connection to the server, before what it sends is on its way or after it, so that it does not
 * hear the answer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KILL = 1, TEAR, FULL, CUT, UNANSWERED, POWER };

static char folder[PATH_MAX];
static char log_path[PATH_MAX];
static long points, chosen;
static int fault, sockets;

/* Begin to count; `at` is the point, from 1, at which the fault is to be; at 0 there is none, and
 * every point is noted. */
void fault_points_begin(const char *below, const char *log, long at, int what, int with_sockets)
{
    snprintf(folder, sizeof folder, "%s", below);
    snprintf(log_path, sizeof log_path, "%s", log);
    points = 0;
    chosen = at;
    sockets = with_sockets;
    fault = what;
}

void fault_points_end(void) { fault = 0; }

static void lose_power(void)
{
    unsigned no_journal = 2;
    int disk = open(folder, O_RDONLY);
    if (disk < 0 || ioctl(disk, _IOR('X', 125, unsigned), &no_journal) < 0) _exit(97);
    kill(getpid(), SIGKILL);
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int is_below(const char *path)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int path_of(int descriptor, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    return 1;
}

static void note(const char *call, const char *path)
{
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    int descriptor = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    REAL(write);
    if (descriptor >= 0) {
        if (real(descriptor, line, length) < 0) _exit(99);
        close(descriptor);
    }
}

/* The operation has ended undisturbed; lose the power now. */
void fault_points_lose_power(void)
{
    fault = 0;
    note("end", folder);
    lose_power();
}

/* Return whether the call is to fail; kill the process if that is what the point is for.
 *
 * A disk that is full at one point is full from there on. */
static int at_point(const char *call, const char *path, int can_tear)
{
    int what = fault;
    if (what == TEAR && !can_tear) return 0;
    if (++points < chosen) return 0;
    if (chosen && points > chosen) return what == FULL;
    fault = 0;
    note(call, path);
    if (chosen && what == KILL) kill(getpid(), SIGKILL);
    if (chosen && what == POWER) lose_power();
    fault = what;
    return chosen != 0;
}

static int of_files(void) { return fault && fault != CUT && fault != UNANSWERED; }

static int at_file(const char *call, int descriptor, int can_tear)
{
    char path[PATH_MAX];
    if (!of_files() || !path_of(descriptor, path) || !is_below(path)) return 0;
    return at_point(call, path, can_tear);
}

static int at_path(const char *call, int of, const char *path)
{
    char whole[2 * PATH_MAX], start[PATH_MAX];
    if (!of_files()) return 0;
    if (path[0] == '/') return is_below(path) ? at_point(call, path, 0) : 0;
    if (of == AT_FDCWD ? !getcwd(start, sizeof start) : !path_of(of, start)) return 0;
    snprintf(whole, sizeof whole, "%s/%s", start, path);
    return is_below(whole) ? at_point(call, whole, 0) : 0;
}

static int no_space(void)
{
    errno = ENOSPC;
    return -1;
}

/* Half of what was to be written, and the end. */
#define TORN(half) do { if (half >= 0) kill(getpid(), SIGKILL); } while (0)

ssize_t write(int descriptor, const void *bytes, size_t size)
{
    REAL(write);
    int what = fault;
    if (at_file("write", descriptor, 1)) {
        if (what == TEAR) TORN(real(descriptor, bytes, size / 2));
        return no_space();
    }
    return real(descriptor, bytes, size);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t at)
{
    REAL(pwrite);
    int what = fault;
    if (at_file("pwrite", descriptor, 1)) {
        if (what == TEAR) TORN(real(descriptor, bytes, size / 2, at));
        return no_space();
    }
    return real(descriptor, bytes, size, at);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t at)
{
    REAL(pwrite64);
    int what = fault;
    if (at_file("pwrite", descriptor, 1)) {
        if (what == TEAR) TORN(real(descriptor, bytes, size / 2, at));
        return no_space();
    }
    return real(descriptor, bytes, size, at);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    REAL(writev);
    return at_file("writev", descriptor, 0) ? no_space() : real(descriptor, parts, count);
}

/* What frees space, moves a name or waits for the disk does not fail on a full one. */
static int is_kill(void) { return of_files() && fault != FULL; }

int fsync(int descriptor)
{
    REAL(fsync);
    if (is_kill()) at_file("fsync", descriptor, 0);
    return real(descriptor);
}

int fdatasync(int descriptor)
{
    REAL(fdatasync);
    if (is_kill()) at_file("fdatasync", descriptor, 0);
    return real(descriptor);
}

int ftruncate(int descriptor, off_t size)
{
    REAL(ftruncate);
    if (is_kill()) at_file("ftruncate", descriptor, 0);
    return real(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size)
{
    REAL(ftruncate64);
    if (is_kill()) at_file("ftruncate", descriptor, 0);
    return real(descriptor, size);
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    if (is_kill()) at_path("rename", AT_FDCWD, to);
    return real(from, to);
}

int renameat(int from_of, const char *from, int to_of, const char *to)
{
    REAL(renameat);
    if (is_kill()) at_path("rename", to_of, to);
    return real(from_of, from, to_of, to);
}

int unlink(const char *path)
{
    REAL(unlink);
    if (is_kill()) at_path("unlink", AT_FDCWD, path);
    return real(path);
}

int unlinkat(int of, const char *path, int flags)
{
    REAL(unlinkat);
    if (is_kill()) at_path("unlink", of, path);
    return real(of, path, flags);
}

int rmdir(const char *path)
{
    REAL(rmdir);
    if (is_kill()) at_path("rmdir", AT_FDCWD, path);
    return real(path);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    return at_path("mkdir", AT_FDCWD, path) ? no_space() : real(path, mode);
}

int mkdirat(int of, const char *path, mode_t mode)
{
    REAL(mkdirat);
    return at_path("mkdir", of, path) ? no_space() : real(of, path, mode);
}

static int makes(int of, const char *path, int flags)
{
    return (flags & O_CREAT) && faccessat(of, path, F_OK, 0) != 0
        && at_path("create", of, path);
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...)
{
    REAL(open);
    MODE_OF(flags)
    return makes(AT_FDCWD, path, flags) ? no_space() : real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    REAL(open64);
    MODE_OF(flags)
    return makes(AT_FDCWD, path, flags) ? no_space() : real(path, flags, mode);
}

int openat(int of, const char *path, int flags, ...)
{
    REAL(openat);
    MODE_OF(flags)
    return makes(of, path, flags) ? no_space() : real(of, path, flags, mode);
}

/* A statement or a commit on its way to a database server. */
ssize_t send(int descriptor, const void *bytes, size_t size, int flags)
{
    REAL(send);
    char path[PATH_MAX];
    int what = fault;
    if (sockets && fault && fault != FULL && path_of(descriptor, path)
        && at_point("send", path, 1)) {
        if (what == TEAR) TORN(real(descriptor, bytes, size / 2, flags));
        if (what == UNANSWERED) {
            ssize_t sent = real(descriptor, bytes, size, flags);
            shutdown(descriptor, SHUT_RD);
            return sent;
        }
        shutdown(descriptor, SHUT_RDWR);
        errno = ECONNRESET;
        return -1;
    }
    return real(descriptor, bytes, size, flags);
}
