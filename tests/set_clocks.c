/* Two waits that libfaketime 0.9.10 gets wrong, handed to the kernel as they are; loaded before it.
 *
 * clock_nanosleep: it takes its offset off a moment of the monotonic clock even when told to leave
 * that clock alone, and Python sleeps until such a moment: every time.sleep would fail.
 * epoll_wait: a signal handler that reads the clock meanwhile gets the machine's own time; the lock
 * timeout of PostgreSQL would never end. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wait, struct timespec *left)
{
    return syscall(SYS_clock_nanosleep, clock, flags, wait, left) == 0 ? 0 : errno;
}

int epoll_wait(int descriptor, struct epoll_event *events, int most, int milliseconds)
{
    return (int)syscall(SYS_epoll_pwait, descriptor, events, most, milliseconds, NULL, _NSIG / 8);
}
