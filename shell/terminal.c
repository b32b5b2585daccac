/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.c - signals, keys and the size of a terminal. One shell of a process at a time: signals
 * belong to the process. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "shell.h"

static volatile sig_atomic_t interrupted, signalled;
static struct sigaction      before_int, before_winch, before_pipe;
static struct termios        before_raw, raw;
static volatile sig_atomic_t is_raw;
static int                   raw_fd;

/* What ends or stops the process leaves the terminal as it was found. */
static const int        leaving[] = {SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
static struct sigaction before_leaving[sizeof(leaving) / sizeof(leaving[0])];
#define LEAVING_COUNT ((int)(sizeof(leaving) / sizeof(leaving[0])))
#define AS_FOUND "\x1b[?2004l\x1b[0m\n" /* no marked pastes, no colours */
#define OWN_SCREEN "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"
#define ITS_SCREEN "\x1b[?25h\x1b[?1049l"
static volatile sig_atomic_t has_screen, has_keys;

static void
on_signal(int number) {
    signalled = 1;
    if (number == SIGINT) {
        interrupted = 1;
    }
}

static void
put(const char *data, size_t size) {
    const ssize_t ignored = write(STDOUT_FILENO, data, size);
    (void)ignored;
}

/* Signal handlers may call all that it calls. */
static void
on_leaving(int number) {
    const int  kept = errno;
    const bool was_raw = is_raw;
    if (has_screen) {
        put(ITS_SCREEN, sizeof(ITS_SCREEN) - 1);
    }
    if (was_raw) {
        put(AS_FOUND, sizeof(AS_FOUND) - 1);
        (void)tcsetattr(raw_fd, TCSANOW, &before_raw);
    }
    if (number != SIGTSTP) {
        is_raw = false;
        for (int i = 0; i < LEAVING_COUNT; i++) {
            if (leaving[i] == number) {
                sigaction(number, &before_leaving[i], NULL);
            }
        }
        (void)raise(number); /* as nobody had caught it, behind this */
        return;
    }
    (void)raise(SIGSTOP);
    if (was_raw) { /* it goes on */
        (void)tcsetattr(raw_fd, TCSANOW, &raw);
        put("\x1b[?2004h", has_keys ? 8 : 0);
    }
    if (has_screen) {
        put(OWN_SCREEN, sizeof(OWN_SCREEN) - 1);
    }
    signalled = 1;
    errno = kept;
}

static void
catch_leaving(void) {
    struct sigaction action = {.sa_handler = on_leaving};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < LEAVING_COUNT; i++) {
        sigaction(leaving[i], NULL, &before_leaving[i]);
        if (before_leaving[i].sa_handler != SIG_IGN) { /* nohup means it */
            sigaction(leaving[i], &action, NULL);
        }
    }
}

void
terminal_begin(void) {
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: reads wake up */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    sigemptyset(&ignore.sa_mask);
    interrupted = signalled = 0;
    sigaction(SIGINT, &action, &before_int);
    sigaction(SIGWINCH, &action, &before_winch);
    sigaction(SIGPIPE, &ignore, &before_pipe);
    catch_leaving();
}

void
terminal_end(void) {
    sigaction(SIGINT, &before_int, NULL);
    sigaction(SIGWINCH, &before_winch, NULL);
    sigaction(SIGPIPE, &before_pipe, NULL);
    for (int i = 0; i < LEAVING_COUNT; i++) {
        sigaction(leaving[i], &before_leaving[i], NULL);
    }
}

bool
terminal_interrupted(void) {
    return interrupted != 0;
}

void
terminal_forget_interrupt(void) {
    interrupted = 0;
}

size_of_terminal
terminal_size(int fd) {
    struct winsize w = {.ws_col = 0};
    if (ioctl(fd, TIOCGWINSZ, &w) < 0 || w.ws_col == 0 || w.ws_row == 0) {
        return (size_of_terminal){80, 24};
    }
    return (size_of_terminal){w.ws_col, w.ws_row};
}

bool
terminal_raw(int fd, bool keys) {
    struct termios t;
    if (tcgetattr(fd, &t) < 0) {
        return false;
    }
    before_raw = is_raw ? before_raw : t;
    t = before_raw;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN | (keys ? ISIG : 0));
    t.c_iflag &= ~(tcflag_t)(ICRNL | IXON | INLCR | ISTRIP);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    raw_fd = fd;
    has_keys = keys;
    raw = t;
    is_raw = tcsetattr(fd, TCSADRAIN, &t) == 0;
    return is_raw;
}

void
terminal_cooked(int fd) {
    if (is_raw) {
        (void)tcsetattr(fd, TCSADRAIN, &before_raw);
        is_raw = false;
    }
}

void
terminal_screen(bool own) {
    has_screen = own;
    if (own) {
        terminal_write(STDOUT_FILENO, OWN_SCREEN, sizeof(OWN_SCREEN) - 1);
    } else {
        terminal_write(STDOUT_FILENO, ITS_SCREEN, sizeof(ITS_SCREEN) - 1);
    }
}

int
terminal_byte(int fd, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (signalled) {
        signalled = 0;
        return -3;
    }
    const int ready = poll(&p, 1, timeout_ms);
    if (ready < 0) {
        signalled = 0;
        return errno == EINTR ? -3 : -2;
    }
    if (ready == 0) {
        return -1;
    }
    unsigned char c;
    const ssize_t got = read(fd, &c, 1);
    return got == 1 ? c : got < 0 && errno == EINTR ? -3 : -2;
}

void
terminal_write(int fd, const char *data, size_t size) {
    while (size > 0) {
        const ssize_t wrote = write(fd, data, size);
        if (wrote < 0 && errno != EINTR) {
            return;
        }
        data += wrote > 0 ? wrote : 0;
        size -= wrote > 0 ? (size_t)wrote : 0;
    }
}
