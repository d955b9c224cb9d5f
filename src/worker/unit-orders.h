/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several of systemd's units at once: what they are, and having them stopped or started in the order that systemd
 * knows. Waits: for child processes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "src/basic/unit-name.h"
#include "src/model/job-report.h"

typedef struct UnitOrders {
        sd_bus *bus;
        char problem[JOB_DETAIL_SIZE];  /* one sentence, after a negative answer */
} UnitOrders;

/* Returns 0 or a negative errno. */
int unit_orders_open(UnitOrders *orders);
void unit_orders_close(UnitOrders *orders);

typedef struct UnitNames {
        char (*names)[UNIT_NAME_SIZE];
        size_t n;
} UnitNames;

void unit_names_clear(UnitNames *names);
bool unit_names_have(const UnitNames *names, const char *name);
/* Nothing is done if it is there. Returns 1, 0 if it was there, or -ENOMEM. */
int unit_names_add(UnitNames *names, const char *name);
/* "a.service, b.service and 3 more". Returns @buffer. */
char *unit_names_text(const UnitNames *names, char *buffer, size_t size_bytes);

/* What systemd says of one. */
typedef struct UnitSays {
        char id[UNIT_NAME_SIZE];        /* its first name */
        bool is_loaded, is_active;      /* active: also if it is just becoming it, or ending */
        bool has_file, is_transient;
        bool refuses_stop, refuses_start;
        bool is_lazy, is_forced;        /* a mount: how it is unmounted */
        UnitNames ends_with_it;         /* stopped when it is; or would have it started again */
        UnitNames is_bound;             /* stopped when it ends by itself */
} UnitSays;

void unit_says_clear(UnitSays *says);
/* Returns 0 or a negative errno. */
int unit_orders_ask(UnitOrders *orders, const char *name, UnitSays *ret_says);

typedef enum UnitOrdered {
        UNITS_STOP,
        UNITS_STOP_ALONE,               /* nothing that needs them is stopped with them */
        UNITS_START,
} UnitOrdered;

/**
 * unit_orders_run() - order all of them at once, and wait until each has ended, or was started
 * @deadline_usec: CLOCK_MONOTONIC
 * @ret_failed:    new: which of them are not what was ordered; unit_names_clear()
 *
 * Returns: 0 if all are what was ordered; -EIO if some are not, with what the first one says in @orders->problem;
 * -ETIMEDOUT; or another negative errno.
 */
int unit_orders_run(UnitOrders *orders, UnitOrdered what, const UnitNames *names, uint64_t deadline_usec,
                    UnitNames *ret_failed);
