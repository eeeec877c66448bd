/* libfaketime 0.9.10 takes its offset off a moment of the monotonic clock even when told to leave
 * that clock alone, and Python sleeps until such a moment: every time.sleep would fail. Loaded
 * before it, this hands the wait to the kernel as it is. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wait, struct timespec *left)
{
    return syscall(SYS_clock_nanosleep, clock, flags, wait, left) == 0 ? 0 : errno;
}
