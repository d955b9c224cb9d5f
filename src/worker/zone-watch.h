/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which time zone the machine has, and when it is set: healerd cannot see it, in a root folder that has no /etc. A
 * child looks, because /etc may lie on the file system that hangs; the loop only reads whether there is news.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/worker/child.h"

typedef struct ZoneWatch ZoneWatch;

typedef struct ZoneWatchCalls {
        /* It is known now, or another. @fd: its file in sealed memory, borrowed; negative: UTC. */
        void (*on_zone)(const char *name, int fd, void *userdata);
        /* A look has ended, whatever it found. */
        void (*on_looked)(void *userdata);
} ZoneWatchCalls;

/**
 * zone_watch_new() - does not look yet
 * @event, @children: borrowed
 * @path: /etc/localtime; absolute; borrowed for the life of the watch
 *
 * Where there can be no inotify instance, a change is not noticed, which is said.
 */
int zone_watch_new(sd_event *event, ChildTable *children, const char *path, const ZoneWatchCalls *calls, void *userdata,
                   ZoneWatch **ret_watch);
ZoneWatch *zone_watch_free(ZoneWatch *watch);
DEFINE_CLEANUP(ZoneWatch, zone_watch_free)

/* Looks now, and once more if it is looking already. on_looked() is called also if there is no process for it. */
void zone_watch_look(ZoneWatch *watch);

/* What it was when it could be read for the last time. False: it never could. Both are borrowed. */
bool zone_watch_get(const ZoneWatch *watch, const char **ret_name, int *ret_fd);
