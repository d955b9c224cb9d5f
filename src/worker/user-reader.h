/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that looks at one thing after the other for another one, which waits for each answer only so long: one that
 * hangs is killed, or left behind, and a new one goes on with the next thing.
 */
#pragma once

#include <stdint.h>

#include "src/worker/process-look.h"

/* How long a look may take; when many have taken that long, as little as the last one. */
#define READER_PATIENCE_USEC (2 * USEC_PER_SEC)
#define READER_PATIENCE_ALL_USEC (8 * USEC_PER_SEC)
#define READER_PATIENCE_LEAST_USEC (20 * USEC_PER_MSEC)
/* As often it may take that long once more if it is seen to be at work: the machine is slow, or there is very much to
 * look at. */
#define READER_PATIENCE_MORE 4
/* Left behind because not even SIGKILL ends them: they are the kernel's until it lets go of them. */
#define READERS_LEFT_MAX 32
#define READER_DEATH_USEC (100 * USEC_PER_MSEC)

typedef struct LoopLook {
        uint64_t device_number, inode;  /* of the file it is on */
        char path[PROCESS_DETAIL_SIZE]; /* as the kernel shows it */
} LoopLook;

typedef struct UserReader {
        const LookedFor *wanted;
        int pid_fd, line_fd;            /* negative: none is running */
        int pid;
        unsigned n_left;                /* behind */
        uint64_t waited_usec;           /* for those that hung */
} UserReader;

void user_reader_init(UserReader *reader, const LookedFor *wanted);
void user_reader_clear(UserReader *reader);

/* Returns 0; -ESRCH if it is gone; -ETIMEDOUT if looking at it takes too long: then @ret_look has what could be seen,
 * and says USE_UNKNOWN; -EBUSY if too many hang; or another negative errno. */
int user_reader_process(UserReader *reader, pid_t pid, ProcessLook *ret_look);

/* "loop3": on which file is it? Returns 0; -ENXIO if it is on none; -ETIMEDOUT; or as above. */
int user_reader_loop(UserReader *reader, const char *name, LoopLook *ret_look);
