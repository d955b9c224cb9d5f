/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State that survives healerd, against a recorder that the test plays: it tells what it likes, confirms when it likes,
 * and goes when it likes.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/record/kept-state.h"
#include "src/recorder/recorder.h"

/* Nothing here takes longer unless something is broken. */
#define PATIENCE_USEC (20 * USEC_PER_SEC)
#define TEXT_SIZE 4096

/* Rows are "key=value" with a blank between them. */
typedef struct Setup {
        char folder[64], socket[96];
        sd_event *event;
        HistoryLink *link;
        KeptState *state;
        char rows[TEXT_SIZE];           /* that were handed over */
        char refused_key[16];           /* removed as soon as it is handed over */
        unsigned n_loaded;
        bool is_durable;

        /* The recorder. */
        pid_t process;                  /* the real one */
        sd_event_source *listen_source, *io_source;
        int fd;
        const char *told;               /* after the greeting */
        bool tells_memory, confirms;
        int error;
        unsigned n_greeted;
        char changes[TEXT_SIZE];        /* "+key=value" and "-key" */
        uint64_t n_changes, last_serial, n_history;
} Setup;

void tell_rows(Setup *s, const char *rows, bool is_durable, int error);
void confirm(Setup *s);
void listen_here(Setup *s);
void start(Setup *s);
void stop(Setup *s);
int setup(void **state);
void end_recorder(Setup *s, int signal_number);
int teardown(void **state);
void wait_until(Setup *s, bool (*is_so)(Setup *s));
void run_quiet(Setup *s);
bool is_loaded(Setup *s);
bool is_confirmed(Setup *s);
bool has_one_on_its_way(Setup *s);
bool is_greeted(Setup *s);
void put(Setup *s, const char *key, const char *value);
void reconnect(Setup *s);
void load(Setup *s);
extern bool is_deadline_short;
