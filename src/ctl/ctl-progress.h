/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a job is, on standard error: a line that is drawn again and again on a terminal, else a line for every tenth
 * part. Standard output stays for the result.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CTL_PROGRESS_SIZE 512

/**
 * ctl_progress_text() - one line about a job
 * @job:           properties of Job1 by their names in JSON
 * @bytes_per_sec: how fast it is; 0: not known
 * @now_usec:      realtime
 * @width:         places on the terminal; what finds no room is left out, the bar first. 0: a line without bar or end
 *
 * Pure. Returns @buffer.
 */
char *ctl_progress_text(const char *name, const json_t *job, uint64_t bytes_per_sec, uint64_t now_usec, unsigned width,
                        char buffer[static CTL_PROGRESS_SIZE]);

/* "12.3 GiB"; returns @buffer. */
#define CTL_BYTES_SIZE 32
char *ctl_bytes_text(uint64_t bytes, char buffer[static CTL_BYTES_SIZE]);

/* "45 %", "phase 3, 45 %", or "" where nobody tells. Pure. Returns @buffer. */
#define CTL_SHARE_SIZE 48
char *ctl_progress_share(const json_t *job, char buffer[static CTL_SHARE_SIZE]);

typedef struct CtlProgress {
        const char *name;               /* of the file system; borrowed */
        json_t *job;                    /* what is known of it; owned */
        bool is_quiet, is_terminal, is_drawn;
        unsigned width;
        uint64_t first_bytes, first_usec;       /* when it was first seen at work; 0: not yet */
        uint64_t told;                  /* not on a terminal: the phase and the tenth that was told last */
} CtlProgress;

void ctl_progress_init(CtlProgress *progress, bool is_quiet);
void ctl_progress_done(CtlProgress *progress);
/* The terminal has another size. */
void ctl_progress_resize(CtlProgress *progress);
/* Takes over what @properties says. Returns 0 or -ENOMEM. */
int ctl_progress_take(CtlProgress *progress, json_t *properties);
/* Time has passed. */
void ctl_progress_draw(CtlProgress *progress);
/* Before anything else is printed. */
void ctl_progress_clear(CtlProgress *progress);
