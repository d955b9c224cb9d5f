/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of healerd.
 */
#pragma once

#include <stdbool.h>

typedef struct DaemonOptions {
        const char *worker_socket;
        const char *recorder_socket;
        const char *policy_root;        /* stands before the folders of policies; NULL: none */
        const char *record_path;
        const char *replay_path;
        const char *boot_id;            /* NULL: as /proc says */
        bool forks_worker;              /* no systemd: start the worker ourselves, then drop privileges */
        bool has_no_bus;
        bool is_debug;
        const char *worker_program;     /* with forks_worker */
        const char *state_directory;    /* with forks_worker, for the worker */
} DaemonOptions;

/* Returns 0 to go on; 1 when everything asked for has been printed; -EINVAL after saying what is wrong. */
int daemon_options_parse(int argc, char *argv[], DaemonOptions *ret_options);
