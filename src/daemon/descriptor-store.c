/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors that systemd keeps for us: sent as notifications, received with LISTEN_FDS.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <systemd/sd-daemon.h>

#include "kernel/error-watch.h"
#include "kernel/health-monitor.h"
#include "src/basic/cleanup.h"
#include "src/basic/log.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/daemon/descriptor-store.h"
#include "src/daemon/manager-line.h"

#define RING_NAME "record-ring"
#define MONITOR_PREFIX "hm-"
#define ERROR_WATCH_PREFIX "fe-"
/* "hm-4294967295-4294967295-18446744073709551615" */
#define NAME_SIZE 64

static void notify(const char *name, bool is_kept, int fd) {
        char text[NAME_SIZE + 64];

        /* Without FDPOLL=0 systemd drops a monitor at the unmount (EPOLLHUP may come one day), before we read its last
         * words. */
        (void) snprintf(text, sizeof(text), is_kept ? "FDSTORE=1\nFDNAME=%s\nFDPOLL=0" : "FDSTOREREMOVE=1\nFDNAME=%s",
                        name);
        manager_line_tell(text, is_kept ? fd : -EBADF);
}

static const char *monitor_name(dev_t device_number, uint64_t number, char buffer[static NAME_SIZE]) {
        (void) snprintf(buffer, NAME_SIZE, MONITOR_PREFIX "%u-%u-%" PRIu64, major(device_number), minor(device_number),
                        number);
        return buffer;
}

void descriptor_store_keep_monitor(dev_t device_number, uint64_t number, int fd) {
        char name[NAME_SIZE];

        notify(monitor_name(device_number, number, name), true, fd);
}

void descriptor_store_forget_monitor(dev_t device_number, uint64_t number) {
        char name[NAME_SIZE];

        notify(monitor_name(device_number, number, name), false, -EBADF);
}

static const char *error_watch_name(dev_t device_number, char buffer[static NAME_SIZE]) {
        (void) snprintf(buffer, NAME_SIZE, ERROR_WATCH_PREFIX "%u-%u", major(device_number), minor(device_number));
        return buffer;
}

void descriptor_store_keep_error_watch(dev_t device_number, int fd) {
        char name[NAME_SIZE];

        descriptor_store_forget_error_watch(device_number);
        notify(error_watch_name(device_number, name), true, fd);
}

void descriptor_store_forget_error_watch(dev_t device_number) {
        char name[NAME_SIZE];

        notify(error_watch_name(device_number, name), false, -EBADF);
}

void descriptor_store_keep_ring(int fd) {
        notify(RING_NAME, true, fd);
}

void descriptor_store_forget_ring(void) {
        notify(RING_NAME, false, -EBADF);
}

/* Returns 0, or -EINVAL for a name that monitor_name() does not make. */
static int parse_monitor_name(const char *name, dev_t *ret_device_number, uint64_t *ret_number) {
        char copy[NAME_SIZE], remade[NAME_SIZE], *minor_text, *number_text;
        uint64_t major_number, minor_number, number;

        if (strncmp(name, MONITOR_PREFIX, strlen(MONITOR_PREFIX)) != 0 ||
            text_copy(copy, sizeof(copy), name + strlen(MONITOR_PREFIX)) < 0)
                return -EINVAL;
        minor_text = strchr(copy, '-');
        if (!minor_text)
                return -EINVAL;
        *minor_text++ = '\0';
        number_text = strchr(minor_text, '-');
        if (!number_text)
                return -EINVAL;
        *number_text++ = '\0';

        if (number_parse_u64(copy, 0, UINT32_MAX, &major_number) < 0 ||
            number_parse_u64(minor_text, 0, UINT32_MAX, &minor_number) < 0 ||
            number_parse_u64(number_text, 1, UINT64_MAX, &number) < 0)
                return -EINVAL;
        *ret_device_number = makedev((unsigned) major_number, (unsigned) minor_number);
        *ret_number = number;
        return strcmp(monitor_name(*ret_device_number, number, remade), name) == 0 ? 0 : -EINVAL;
}

/* Returns 0 with everything but the descriptor set, or -EBADMSG if this is none of our monitors. */
static int check_monitor(const char *name, int fd, StoredMonitor *ret_monitor) {
        HealthMonitorTotals totals;
        dev_t device_number;
        uint64_t number;

        if (parse_monitor_name(name, &device_number, &number) < 0 || !health_monitor_fd_is_monitor(fd) ||
            health_monitor_totals(fd, &totals) < 0 || totals.device_number != device_number)
                return -EBADMSG;

        *ret_monitor = (StoredMonitor) {
                .fd = -EBADF,
                .device_number = device_number,
                .number = number,
                .is_alive = totals.is_alive,
        };
        return 0;
}

/* Returns 0 with everything but the descriptor set, or -EBADMSG if this is none of our error watches. */
static int check_error_watch(const char *name, int fd, StoredErrorWatch *ret_watch) {
        char remade[NAME_SIZE], end;
        unsigned major_number, minor_number;
        ErrorWatchMark mark;
        dev_t device_number;

        if (sscanf(name, ERROR_WATCH_PREFIX "%u-%u%c", &major_number, &minor_number, &end) != 2)
                return -EBADMSG;
        device_number = makedev(major_number, minor_number);
        if (!text_equal(error_watch_name(device_number, remade), name) || error_watch_check(fd, &mark) < 0 ||
            (mark.is_alive && mark.device_number != device_number))
                return -EBADMSG;

        *ret_watch = (StoredErrorWatch) { .fd = -EBADF, .device_number = device_number, .is_alive = mark.is_alive };
        return 0;
}

static bool has_error_watch(const StoredDescriptors *stored, dev_t device_number) {
        for (size_t i = 0; i < stored->n_error_watches; i++)
                if (stored->error_watches[i].device_number == device_number)
                        return true;
        return false;
}

static bool has_number(const StoredDescriptors *stored, uint64_t number) {
        for (size_t i = 0; i < stored->n_monitors; i++)
                if (stored->monitors[i].number == number)
                        return true;
        return false;
}

/* @fd: taken. */
static void sort_in(StoredDescriptors *stored, const char *name, int fd) {
        _cleanup_(close_fd_at) int owned = fd;
        StoredErrorWatch watch;
        StoredMonitor monitor;

        if (text_equal(name, RING_NAME) && stored->ring_fd < 0) {
                stored->ring_fd = steal_fd(&owned);
                return;
        }
        if (check_error_watch(name, owned, &watch) >= 0) {
                if (has_error_watch(stored, watch.device_number))
                        return;
                watch.fd = steal_fd(&owned);
                stored->error_watches[stored->n_error_watches++] = watch;
                return;
        }
        if (check_monitor(name, owned, &monitor) < 0) {
                log_warning("a descriptor that systemd kept under the name \"%s\" is none of ours, it is dropped",
                            name);
                notify(name, false, -EBADF);
                return;
        }
        if (has_number(stored, monitor.number))
                return; /* twice under one name: to remove it would remove both */
        monitor.fd = steal_fd(&owned);
        stored->monitors[stored->n_monitors++] = monitor;
}

static int compare_alive(const void *a, const void *b) {
        const StoredMonitor *left = a, *right = b;

        if (left->is_alive != right->is_alive)
                return left->is_alive ? 1 : -1;
        return (left->number > right->number) - (left->number < right->number);
}

static void free_names(char **names) {
        for (size_t i = 0; names && names[i]; i++)
                free(names[i]);
        free(names);
}

int descriptor_store_take(StoredDescriptors *ret_stored) {
        StoredDescriptors stored = { .ring_fd = -EBADF };
        char **names = NULL;
        int n;

        n = sd_listen_fds_with_names(true, &names);
        if (n < 0)
                return n;

        stored.monitors = calloc((size_t) n + 1, sizeof(*stored.monitors));
        stored.error_watches = calloc((size_t) n + 1, sizeof(*stored.error_watches));
        if (!stored.monitors || !stored.error_watches) {
                free(stored.monitors);
                free(stored.error_watches);
                for (int i = 0; i < n; i++)
                        close_fd(SD_LISTEN_FDS_START + i);
                free_names(names);
                return -ENOMEM;
        }
        for (int i = 0; i < n; i++)
                sort_in(&stored, names[i], SD_LISTEN_FDS_START + i);
        free_names(names);

        qsort(stored.monitors, stored.n_monitors, sizeof(*stored.monitors), compare_alive);
        *ret_stored = stored;
        return 0;
}

void descriptor_store_done(StoredDescriptors *stored) {
        close_fd(stored->ring_fd);
        for (size_t i = 0; i < stored->n_monitors; i++)
                close_fd(stored->monitors[i].fd);
        free(stored->monitors);
        for (size_t i = 0; i < stored->n_error_watches; i++)
                close_fd(stored->error_watches[i].fd);
        free(stored->error_watches);
        *stored = (StoredDescriptors) { .ring_fd = -EBADF };
}
