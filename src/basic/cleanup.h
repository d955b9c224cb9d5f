/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope-bound release of what was acquired. Success hands a value over with steal_ptr() or
 * steal_fd(); every other way out of the scope releases it. No goto is needed.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(release) __attribute__((__cleanup__(release)))

/* Gives release##_at(Type **) for _cleanup_(), from release(Type *). */
#define DEFINE_CLEANUP(type, release)                           \
        static inline void release##_at(type **object) {        \
                if (*object)                                    \
                        (void) release(*object);                \
        }

#define steal_ptr(pointer) ({                                   \
        typeof(pointer) *_slot = &(pointer), _value = *_slot;   \
        *_slot = NULL;                                          \
        _value; })

static inline int steal_fd(int *fd) {
        int value = *fd;

        *fd = -EBADF;
        return value;
}

/* Closes what is open, keeps errno, and returns the value a closed descriptor has with us. */
static inline int close_fd(int fd) {
        int saved = errno;

        if (fd >= 0)
                (void) close(fd);
        errno = saved;
        return -EBADF;
}

static inline void close_fd_at(int *fd) {
        *fd = close_fd(*fd);
}

static inline void free_at(void *slot) {
        void **memory = slot;

        free(*memory);
        *memory = NULL;
}

DEFINE_CLEANUP(FILE, fclose)
DEFINE_CLEANUP(DIR, closedir)
