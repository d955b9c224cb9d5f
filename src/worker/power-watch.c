/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /sys/class/power_supply, read in the loop as PID 1 reads it: nothing of it lies on a file system that could hang.
 */

#include "src/worker/power-watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-device.h>

#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define ATTRIBUTE_LIMIT_BYTES 4096
#define SUBSYSTEM "power_supply"

struct PowerWatch {
        sd_device_monitor *monitor;     /* NULL: nothing is heard */
        bool is_on_battery;
        void (*on_change)(bool is_on_battery, void *userdata);
        void *userdata;
};

static bool attribute_is(const char *device, const char *name, const char *value) {
        _cleanup_(free_at) char *line = NULL;
        char path[PATH_MAX];

        return snprintf(path, sizeof(path), "%s/%s", device, name) < (int) sizeof(path) &&
               file_read_line(path, ATTRIBUTE_LIMIT_BYTES, &line) >= 0 && text_equal(line, value);
}

bool power_is_on_battery(const char *sysfs) {
        bool is_fed = false, has_unplugged = false, has_battery = false, is_discharging = false;
        _cleanup_(closedir_at) DIR *directory = NULL;
        char path[PATH_MAX], device[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/class/" SUBSYSTEM, sysfs) >= (int) sizeof(path))
                return false;
        directory = opendir(path);
        if (!directory)
                return false;

        for (const struct dirent *item; (item = readdir(directory));) {
                if (item->d_name[0] == '.' ||
                    snprintf(device, sizeof(device), "%s/%s", path, item->d_name) >= (int) sizeof(device))
                        continue;
                /* That of a mouse. */
                if (attribute_is(device, "scope", "Device"))
                        continue;
                if (attribute_is(device, "type", "Battery")) {
                        has_battery = true;
                        is_discharging |= attribute_is(device, "status", "Discharging");
                } else if (attribute_is(device, "online", "1"))
                        is_fed = true;
                else if (attribute_is(device, "online", "0"))
                        has_unplugged = true;
        }
        return !is_fed && (is_discharging || (has_unplugged && has_battery));
}

static int on_device(_unused_ sd_device_monitor *monitor, _unused_ sd_device *device, void *userdata) {
        bool is_on_battery = power_is_on_battery("/sys");
        PowerWatch *watch = userdata;

        if (is_on_battery != watch->is_on_battery) {
                watch->is_on_battery = is_on_battery;
                watch->on_change(is_on_battery, watch->userdata);
        }
        return 0;
}

static int listen_to_udev(PowerWatch *watch, sd_event *event) {
        int r;

        r = sd_device_monitor_new(&watch->monitor);
        if (r >= 0)
                r = sd_device_monitor_filter_add_match_subsystem_devtype(watch->monitor, SUBSYSTEM, NULL);
        if (r >= 0)
                r = sd_device_monitor_attach_event(watch->monitor, event);
        if (r >= 0)
                r = sd_device_monitor_start(watch->monitor, on_device, watch);
        if (r < 0)
                watch->monitor = sd_device_monitor_unref(watch->monitor);
        return r;
}

int power_watch_new(sd_event *event, void (*on_change)(bool is_on_battery, void *userdata), void *userdata,
                    PowerWatch **ret_watch) {
        PowerWatch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        watch->on_change = on_change;
        watch->userdata = userdata;
        r = listen_to_udev(watch, event);
        if (r < 0)
                log_warning_errno(r, "power supplies: udev cannot be heard, how it is now counts: %m");
        watch->is_on_battery = power_is_on_battery("/sys");
        *ret_watch = watch;
        return 0;
}

PowerWatch *power_watch_free(PowerWatch *watch) {
        if (!watch)
                return NULL;
        sd_device_monitor_unref(watch->monitor);
        free(watch);
        return NULL;
}

bool power_watch_is_on_battery(const PowerWatch *watch) {
        return watch->is_on_battery;
}
