/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions that survive: what the engine has kept and removed, what comes back when its file system is watched again
 * or mounted anew, and what does not. A table plays the keeper, a pipe the monitor.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/filesystem/condition-record.h"
#include "tests/unit/fake-worker.h"

#define DEVICE_NUMBER 0x701
#define MONITOR_NUMBER 12
#define UUID_A "01234567-89ab-cdef-0123-456789abcdef"
#define UUID_B "11111111-89ab-cdef-0123-456789abcdef"
#define SICK "sick/agno 0x1 finobt"
#define STORE_MAX (ENGINE_CONDITIONS_WAITING_MAX + 64)

typedef struct Stored {
        char key[CONDITION_KEY_SIZE];
        char *value;
} Stored;

typedef struct Setup {
        sd_event *event;
        Engine *engine;
        FakeWorker worker;
        int pipe[2];
        int ring_fd;
        Stored *store;
        size_t n_stored;
        unsigned n_puts, n_removes;
        unsigned n_sick, n_raised, n_back, n_back_stale, n_told_back;
} Setup;

typedef struct Told {
        dev_t device_number;
        const char *uuid;               /* NULL: none */
        const char *type, *device;
        bool has_no_monitor;
} Told;

Stored *stored_find(Setup *s, const char *key);
void store_put(void *userdata, const char *key, const void *value, size_t size_bytes);
const char *kept(Setup *s, const char *uuid, const char *rest);
void run_quiet(Setup *s);
void load(Setup *s);
int setup(void **state);
int teardown(void **state);
void tell_mount(Setup *s, dev_t device_number, WorkerMessageType type);
void tell(Setup *s, const Told *told, bool is_new);
Filesystem *filesystem_of(Setup *s, dev_t device_number);
const HealthCondition *condition_of(Setup *s, ConditionCode code, const char *target);
void take(Setup *s, dev_t device_number, EventKind kind);
void unmount(Setup *s);
void kill_and_adopt(Setup *s);
void reboot(Setup *s);
void put_row(Setup *s, const char *uuid, const char *rest, const char *value);
extern const Told first;
