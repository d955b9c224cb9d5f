/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time zones: what the clock on the wall shows at a moment, and when it shows what.
 *
 * libc's own code reads the zone files. They hold changes of the clock and, for the time after the last of them, a
 * rule in a notation of its own, so that a reader of ours would be some hundred lines that libc has already and that
 * every machine tests. What libc lacks is a zone as a value: it has one for the whole process, chosen by the variable
 * TZ. This file alone writes that variable and chooses anew whenever it is asked about another zone, so that an answer
 * depends on the arguments alone. The price: after a call here, localtime_r() of others follows the zone that was
 * asked about last. healerd asks nowhere else, healerctl not in the verbs that do. One thread only.
 *
 * Only what the clock shows is asked of libc, never the way back (mktime() guesses at an hour that exists twice): the
 * way back is found by asking what the clock showed around the moment.
 */
#pragma once

#include <stdint.h>

#include "src/basic/cleanup.h"

#define ZONE_NAME_SIZE 64
/* The largest of them have some 4 KiB. */
#define ZONE_FILE_MAX ((size_t) 64 * 1024)
#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_OF_MACHINE "/etc/localtime"

typedef struct Zone Zone;

typedef struct WallTime {
        int year;                       /* 2026 */
        int month, day;                 /* 1 to 12, 1 to 31 */
        int weekday;                    /* 0 Monday to 6 Sunday; of no account for zone_find_moment() */
        int hour, minute, second;
} WallTime;

/**
 * zone_new_named() - a zone of this machine's zone files
 * @name: "Europe/Berlin"; "UTC" is always there
 *
 * Returns: 0; -EINVAL if this cannot be a name; -ENOENT if there is none of this name; or another negative errno.
 */
int zone_new_named(const char *name, Zone **ret_zone);

/**
 * zone_new_file() - a zone that somebody opened
 * @fd:   a zone file (TZif), borrowed and copied; it is read again and again, so nobody may be able to change it
 * @name: for people; what is too long is cut
 *
 * Opens nothing but /proc/self/fd.
 *
 * Returns: 0; -EBADMSG if it is no zone file; -EFBIG beyond ZONE_FILE_MAX; or another negative errno.
 */
int zone_new_file(int fd, const char *name, Zone **ret_zone);

/* What /etc/localtime says; UTC if there is none. Returns 0, or as zone_new_file(). */
int zone_new_machine(Zone **ret_zone);
Zone *zone_free(Zone *zone);
DEFINE_CLEANUP(Zone, zone_free)

/* "UTC" for NULL. Borrowed. */
const char *zone_name(const Zone *zone);

/* The name in the target of a link to a zone file: "Europe/Berlin" of "../usr/share/zoneinfo/Europe/Berlin"; NULL if
 * it is none. Borrowed from @target. */
const char *zone_name_of_link(const char *target);

/* What the clock shows at a moment, in seconds since 1970. @zone NULL: UTC. */
void zone_wall_time(const Zone *zone, int64_t realtime_sec, WallTime *ret_wall);

/**
 * zone_find_moment() - when does the clock show this? The way back from zone_wall_time()
 *
 * The first moment, if the clock shows it twice.
 *
 * Returns: 0; -EINVAL if there is no such day or time; -ENOENT if the clock never shows it, because it is set forward
 * over it.
 */
int zone_find_moment(const Zone *zone, const WallTime *wall, int64_t *ret_realtime_sec);
