/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps what healerd tells it, history and state: the only process that opens the folder of both. When the folder
 * cannot be used, memory stands in, and the folder is tried again from time to time.
 */
#pragma once

#include <sys/types.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/history/history-store.h"

/* What is kept if nobody says otherwise; and what may be said. */
#define RECORDER_ROWS_DEFAULT 100000
#define RECORDER_ROWS_MIN 1000
#define RECORDER_ROWS_MAX 100000000
#define RECORDER_AGE_DEFAULT_USEC (366 * USEC_PER_DAY)
#define RECORDER_AGE_MIN_USEC USEC_PER_HOUR
#define RECORDER_SIZE_DEFAULT_BYTES (UINT64_C(256) << 20)
#define RECORDER_SIZE_MIN_BYTES (UINT64_C(1) << 20)
#define RECORDER_SIZE_MAX_BYTES (UINT64_C(1) << 40)
/* What was changed of the kept state is on the disk after this at the latest, whatever becomes of the machine; what was
 * changed first after a pause, at once. */
#define RECORDER_SYNC_USEC USEC_PER_SEC
/* What memory holds while the folder cannot be used. */
#define RECORDER_MEMORY_ROWS_MAX 10000

typedef struct RecorderOptions {
        const char *folder;             /* borrowed */
        const char *listen_path;        /* a socket of our own; NULL: systemd's */
        int connection_fd;              /* taken; negative: none. With it the recorder ends when the line ends. */
        uint64_t n_rows_max, age_max_usec, size_max_bytes;
        uid_t peer_uid;                 /* who may speak to us besides root */
} RecorderOptions;

typedef struct Recorder Recorder;

int recorder_new(const RecorderOptions *options, Recorder **ret_recorder);
/* Until SIGTERM or the end of the only line. */
int recorder_run(Recorder *recorder);
Recorder *recorder_free(Recorder *recorder);
DEFINE_CLEANUP(Recorder, recorder_free)
