/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What systemd's manager is told, in order and without ever waiting for it: what it does not read is kept and told
 * later. One process has one manager, so there is one line.
 */
#pragma once

#include <systemd/sd-event.h>

/* Notifications that wait for a manager that does not read; each may hold a descriptor. */
#define MANAGER_QUEUE_MAX 1024

/**
 * manager_line_open() - serve the watchdog, and tell again what was not read
 *
 * The watchdog is served by the loop itself: a loop that stands still is what it is for. Before this everything is told
 * as well, but what could not be told waits.
 */
int manager_line_open(sd_event *event);
/* Forgets what still waits, with a line that says how much. */
void manager_line_close(void);

/* Tells or queues @text; @fd (negative: none) goes along and is duplicated if it has to wait. Beyond the limit it is
 * dropped, counted and said. */
void manager_line_tell(const char *text, int fd);

/* The line that `systemctl status` shows. Only the newest is kept, and told a second later. */
void manager_line_tell_status(const char *text);
