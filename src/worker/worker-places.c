/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks a child which superblocks stand under / and under the state folder, and passes on what changed.
 */

#include <stdlib.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/worker/worker.h"

typedef struct PlacesTask {
        Worker *worker;
        Places found;
} PlacesTask;

static int find_places_in_child(int report_fd, void *userdata) {
        PlacesTask *task = userdata;

        /* Said in two steps: a state folder that hangs must not hide the root. */
        (void) places_find_roots(&task->found);
        if (child_report(report_fd, &task->found, sizeof(task->found), -EBADF) < 0)
                return EXIT_FAILURE;

        (void) places_find_state(&task->found, task->worker->options.state_dir);
        return child_report(report_fd, &task->found, sizeof(task->found), -EBADF) < 0;
}

static void on_places_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        PlacesTask *task = userdata;

        (void) child;
        close_fd(fd);

        if (size_bytes == sizeof(task->found))
                memcpy(&task->found, bytes, size_bytes);
}

static void use_places(PlacesTask *task) {
        Worker *worker = task->worker;
        Superblock *superblock;

        worker->places = task->found;
        worker->is_places_tried = true;
        TAILQ_FOREACH(superblock, &worker->superblocks, entry) {
                superblock->facts.is_root = places_is_root(&worker->places, superblock->device_number);
                superblock->facts.is_state = places_is_state(&worker->places, superblock->device_number);
                if (superblock->is_said)
                        worker_say_superblock(worker, superblock, -EBADF);
        }
        worker_begin_serving(worker);
}

static void on_places_stuck(Child *child, void *userdata) {
        PlacesTask *task = userdata;

        log_warning("looking for the state folder hangs in the kernel (pid %d), going on without",
                    (int) child_pid(child));
        use_places(task);
}

static void on_places_end(Child *child, const ChildEnd *end, void *userdata) {
        _cleanup_(free_at) PlacesTask *task = userdata;
        Worker *worker = task->worker;

        (void) child;

        worker->is_looking_for_places = false;
        if (!end->was_stuck)
                use_places(task);
        if (worker->are_places_wanted_again) {
                worker->are_places_wanted_again = false;
                worker_find_places(worker);
        }
}

void worker_find_places(Worker *worker) {
        _cleanup_(free_at) PlacesTask *places = NULL;
        ChildTask task = {
                .name = "places",
                .run = find_places_in_child,
                .on_report = on_places_report,
                .on_stuck = on_places_stuck,
                .on_end = on_places_end,
                .timeout_usec = 2 * USEC_PER_SEC,
                .grace_usec = 100 * USEC_PER_MSEC,
                .dies_with_us = true,
                .is_essential = true,
        };

        if (worker->is_looking_for_places) {
                worker->are_places_wanted_again = true;
                return;
        }

        places = calloc(1, sizeof(*places));
        if (places) {
                places->worker = worker;
                task.userdata = places;
        }
        if (!places || child_spawn(worker->children, &task, NULL) < 0) {
                log_warning("cannot find out which file system is the root: no process for it");
                worker->is_places_tried = true;
                return;
        }

        worker->is_looking_for_places = true;
        (void) steal_ptr(places);
}
