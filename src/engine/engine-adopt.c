/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes over what a healerd before this one held: its monitors, and what it had read and not decided.
 */

#include <string.h>
#include <sys/sysmacros.h>

#include "src/basic/log.h"
#include "src/engine/engine-internal.h"

typedef struct Replay {
        Engine *engine;
        uint64_t filesystem_id;
} Replay;

static void take_replayed(void *userdata, const HealthEvent *kept) {
        const Replay *replay = userdata;
        HealthEvent event = *kept;

        event.filesystem_id = replay->filesystem_id;
        event_merge_take(replay->engine->merge, &event);
}

static void replay(Engine *engine, const Filesystem *filesystem, const RingMonitor *account) {
        Replay userdata = { engine, filesystem->id };
        unsigned maj = major(filesystem->facts.device_number), min = minor(filesystem->facts.device_number);
        size_t n, n_given_up;

        n = record_ring_replay(engine->ring, account, take_replayed, &userdata, &n_given_up);
        if (n > 0)
                log_notice("%u:%u: %zu events that an earlier healerd had read and not finished are taken up again",
                           maj, min, n);
        if (n_given_up > 0)
                log_error("%u:%u: %zu events are given up: %d runs of healerd ended before they were decided", maj, min,
                          n_given_up, RECORD_RING_REPLAYS_MAX);
}

static int filesystem_adopt(Engine *engine, int fd, dev_t device_number, uint64_t number, Filesystem **ret_filesystem) {
        Filesystem *filesystem;
        Watch *watch;
        int r;

        r = engine_filesystem_new(engine, device_number, &filesystem);
        if (r < 0)
                return r;
        watch = engine_watch_find(engine, filesystem->id);
        watch->awaits_facts = watch->was_adopted = true;

        /* The worker will say the rest; that it is an XFS its monitor says. */
        filesystem->facts.type = strdup("xfs");
        r = filesystem->facts.type ? engine_monitor_start(engine, watch, filesystem, fd, number) : -ENOMEM;
        if (r < 0) {
                engine_end_filesystem(engine, watch);
                return r;
        }
        filesystem->monitor_state = MONITOR_OPENED;
        *ret_filesystem = filesystem;
        return 0;
}

int engine_adopt_monitor(Engine *engine, int fd, dev_t device_number, uint64_t number, bool is_alive) {
        _cleanup_(close_fd_at) int owned = fd;
        Filesystem *filesystem;
        Watch *watch;
        int r;

        r = filesystem_adopt(engine, owned, device_number, number, &filesystem);
        if (r < 0)
                return r;

        watch = engine_watch_find(engine, filesystem->id);
        replay(engine, filesystem, monitor_source_account(watch->source));
        engine_survey_on_adopted(engine, watch);
        /* Observers hear of it when the worker has said what it is called: a bus object keeps the name it gets
         * first. */
        log_debug("%u:%u: adopted its monitor, %" PRIu64 " records read so far", major(device_number),
                  minor(device_number), filesystem->totals.n_records);
        if (!is_alive)
                monitor_source_drain(watch->source);
        return 0;
}
