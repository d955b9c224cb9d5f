/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healerd cannot see of the machine from its root folder: the time zone, what feeds it, and the scans of others.
 */

#include "src/basic/text.h"
#include "src/worker/worker.h"

static void say_zone(const char *name, int fd, void *userdata) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_ZONE);
        (void) text_copy(message.zone.name, sizeof(message.zone.name), name);
        worker_say(userdata, &message, fd);
}

static void on_zone_looked(void *userdata) {
        Worker *worker = userdata;

        worker->is_zone_tried = true;
        worker_begin_serving(worker);
}

const ZoneWatchCalls worker_zone_calls = {
        .on_zone = say_zone,
        .on_looked = on_zone_looked,
};

void worker_say_power(bool is_on_battery, void *userdata) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_POWER);
        message.power.is_on_battery = is_on_battery;
        worker_say(userdata, &message, -EBADF);
}

void worker_say_machine(Worker *worker) {
        const char *zone;
        int zone_fd;

        if (zone_watch_get(worker->zone_watch, &zone, &zone_fd))
                say_zone(zone, zone_fd, worker);
        worker_say_power(power_watch_is_on_battery(worker->power_watch), worker);
}

static void say_scan(const WorkerScan *scan, void *userdata) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_SCAN);
        message.scan = *scan;
        worker_say(userdata, &message, -EBADF);
}

const ScanWatchCalls worker_scan_calls = {
        .on_scan = say_scan,
};
