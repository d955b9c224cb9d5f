/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Full checks that others begin through xfsprogs' units: a child watches systemd's bus for them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/basic/unit-name.h"

#define SCAN_TEMPLATE "xfs_scrub@.service"

/* What the child tells: a unit runs now, or has ended. */
typedef struct ScanReport {
        char unit[UNIT_NAME_SIZE];
        char result[32];                /* "success", "exit-code", …; when it has ended */
        int32_t exit_status;
        uint8_t is_running;
        uint8_t pad[3];
} ScanReport;

/* "xfs_scrub@srv.service"? Pure. */
bool scan_unit_is_one(const char *unit);

/* For ChildTask.run: until the bus goes away. */
int scan_watch_in_child(int report_fd, void *userdata);
