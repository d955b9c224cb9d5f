/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses libc's zone and asks it.
 */
#include "src/basic/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

#define SEC_PER_DAY (INT64_C(24) * 60 * 60)
#define ZONE_MAGIC "TZif"
#define VARIABLE "TZ="
/* POSIX: no file, no summer time. */
#define TZ_OF_UTC "UTC0"

struct Zone {
        char tz[PATH_MAX];              /* as TZ has it */
        char name[ZONE_NAME_SIZE];
        int fd;                         /* that @tz leads to; or -EBADF */
};

/* Whose zone libc has; NULL: not known. */
static const Zone *chosen;

/* Written in place, so that only the first time can fail, for want of memory. */
static int set_variable(const char *tz) {
        static char variable[sizeof(VARIABLE) + PATH_MAX] = VARIABLE;

        (void) text_copy(variable + strlen(VARIABLE), PATH_MAX, tz);
        if (putenv(variable) != 0)
                return -ENOMEM;
        tzset();
        return 0;
}

static int zone_choose(const Zone *zone) {
        int r;

        if (chosen == zone)
                return 0;

        /* libc reads a file again only if TZ is another text, and a descriptor may have the number of an earlier
         * one. */
        r = set_variable(TZ_OF_UTC);
        if (r >= 0)
                r = set_variable(zone->tz);
        if (r >= 0)
                chosen = zone;
        return r;
}

static int zone_make(const char *tz, const char *name, int taken_fd, Zone **ret_zone) {
        _cleanup_(close_fd_at) int fd = taken_fd;
        _cleanup_(zone_free_at) Zone *zone = malloc(sizeof(*zone));
        int r;

        if (!zone)
                return -ENOMEM;

        *zone = (Zone) { .fd = steal_fd(&fd) };
        (void) text_copy(zone->tz, sizeof(zone->tz), tz);
        (void) text_copy(zone->name, sizeof(zone->name), name);
        r = zone_choose(zone);
        if (r < 0)
                return r;

        *ret_zone = steal_ptr(zone);
        return 0;
}

/* libc takes what it cannot read for UTC, without a word. */
static int check_zone_file(int fd) {
        char magic[sizeof(ZONE_MAGIC)] = "";
        struct stat status;

        if (fstat(fd, &status) < 0)
                return negative_errno();
        if (!S_ISREG(status.st_mode))
                return -EBADMSG;
        if (status.st_size > (off_t) ZONE_FILE_MAX)
                return -EFBIG;
        if (pread(fd, magic, strlen(ZONE_MAGIC), 0) != (ssize_t) strlen(ZONE_MAGIC) || !text_equal(magic, ZONE_MAGIC))
                return -EBADMSG;

        return 0;
}

static int check_path(const char *path) {
        _cleanup_(close_fd_at) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        return fd < 0 ? negative_errno() : check_zone_file(fd);
}

static bool is_name(const char *name) {
        static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";

        return name[0] && name[0] != '/' && strlen(name) < ZONE_NAME_SIZE && name[strspn(name, characters)] == 0;
}

int zone_new_named(const char *name, Zone **ret_zone) {
        char tz[PATH_MAX];
        int r;

        if (text_equal(name, "UTC"))
                return zone_make(TZ_OF_UTC, name, -EBADF, ret_zone);
        if (!is_name(name))
                return -EINVAL;

        (void) snprintf(tz, sizeof(tz), ":" ZONE_FOLDER "/%s", name);
        r = check_path(tz + 1);
        /* A folder, or another file that lies there. */
        if (r == -EBADMSG || r == -ENOTDIR)
                return -ENOENT;
        return r < 0 ? r : zone_make(tz, name, -EBADF, ret_zone);
}

int zone_new_file(int fd, const char *name, Zone **ret_zone) {
        _cleanup_(close_fd_at) int copy = -EBADF;
        char tz[PATH_MAX];
        int r;

        r = check_zone_file(fd);
        if (r < 0)
                return r;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (copy < 0)
                return negative_errno();

        (void) snprintf(tz, sizeof(tz), ":/proc/self/fd/%d", copy);
        r = check_path(tz + 1);
        return r < 0 ? r : zone_make(tz, name, steal_fd(&copy), ret_zone);
}

const char *zone_name_of_link(const char *target) {
        static const char folder[] = "zoneinfo/";
        const char *found = strstr(target, folder);

        found = found ? found + strlen(folder) : NULL;
        return found && is_name(found) ? found : NULL;
}

int zone_new_machine(Zone **ret_zone) {
        char target[PATH_MAX];
        ssize_t length;
        int r;

        r = check_path(ZONE_OF_MACHINE);
        if (r == -ENOENT)
                return zone_new_named("UTC", ret_zone);
        if (r < 0)
                return r;

        length = readlink(ZONE_OF_MACHINE, target, sizeof(target) - 1);
        target[max_of(length, (ssize_t) 0)] = 0;
        return zone_make(":" ZONE_OF_MACHINE, zone_name_of_link(target) ?: ZONE_OF_MACHINE, -EBADF, ret_zone);
}

Zone *zone_free(Zone *zone) {
        if (!zone)
                return NULL;

        /* Another one may get its address. */
        if (chosen == zone)
                chosen = NULL;
        close_fd(zone->fd);
        free(zone);
        return NULL;
}

const char *zone_name(const Zone *zone) {
        return zone ? zone->name : "UTC";
}

void zone_wall_time(const Zone *zone, int64_t realtime_sec, WallTime *ret_wall) {
        time_t seconds = (time_t) realtime_sec;
        struct tm parts = {};

        /* They fail only for years beyond an int. */
        if (zone) {
                (void) zone_choose(zone);
                (void) localtime_r(&seconds, &parts);
        } else
                (void) gmtime_r(&seconds, &parts);

        *ret_wall = (WallTime) {
                .year = parts.tm_year + 1900,
                .month = parts.tm_mon + 1,
                .day = parts.tm_mday,
                .weekday = (parts.tm_wday + 6) % 7,
                .hour = parts.tm_hour,
                .minute = parts.tm_min,
                .second = parts.tm_sec,
        };
}

static bool shows(const Zone *zone, int64_t realtime_sec, const WallTime *wall) {
        WallTime shown;

        zone_wall_time(zone, realtime_sec, &shown);
        return shown.year == wall->year && shown.month == wall->month && shown.day == wall->day &&
               shown.hour == wall->hour && shown.minute == wall->minute && shown.second == wall->second;
}

/* As if there were no zones. */
static int64_t seconds_of(const WallTime *wall) {
        struct tm parts = {
                .tm_year = wall->year - 1900,
                .tm_mon = wall->month - 1,
                .tm_mday = wall->day,
                .tm_hour = wall->hour,
                .tm_min = wall->minute,
                .tm_sec = wall->second,
        };

        return (int64_t) timegm(&parts);
}

int zone_find_moment(const Zone *zone, const WallTime *wall, int64_t *ret_realtime_sec) {
        int64_t plain = seconds_of(wall);

        /* What does not exist (30 February, 25:00) comes back as something else. */
        if (wall->year < 1970 || wall->year > 9999 || !shows(NULL, plain, wall))
                return -EINVAL;

        /* How far the clock was off a day before, and is a day later: one of them holds at the moment itself. The
         * former gives the first of two moments. */
        for (int pass = -1; pass <= 1; pass += 2) {
                int64_t near = plain + pass * SEC_PER_DAY, moment;
                WallTime shown;

                zone_wall_time(zone, near, &shown);
                moment = plain - (seconds_of(&shown) - near);
                if (shows(zone, moment, wall)) {
                        *ret_realtime_sec = moment;
                        return 0;
                }
        }

        return -ENOENT;
}
