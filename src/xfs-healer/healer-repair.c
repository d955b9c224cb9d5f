/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairs, one after the other, by the steps of the worker: opened again and proved to be the same, nothing that
 * crashes the kernel, the intent on disk first, checked afterwards. What cannot be done now waits, and is not dropped.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/job.h"
#include "src/xfs-healer/healer.h"

/* Where the worker keeps its record; below it a folder for the program, and one for each file system, because each has
 * a process of its own that believes to be the only one to write there. */
#define WORKER_STATE_DIR HEALER_LOCALSTATEDIR "/lib/xfs_healer"
#define OWN_STATE_DIR WORKER_STATE_DIR "/xfs_healer"

struct Repair {
        TAILQ_ENTRY(Repair) entry;
        Healer *healer;
        HealthEvent event;
        RepairTarget target;
        char *path;
        unsigned n_tries;
        uint64_t not_before_usec;       /* CLOCK_MONOTONIC */

        /* While it runs. */
        RepairOrder order;
        bool is_intent_written, is_stuck_said, has_result;
        WorkerJobResult result;
};

static Repair *repair_free(Repair *repair) {
        if (repair)
                free(repair->path);
        free(repair);
        return NULL;
}
DEFINE_CLEANUP(Repair, repair_free)

/* In the child */

/* The worker may know of a repair that never ended; it is then the administrator's word that is needed there. 1: so it
 * is. */
static int look_at_worker(void *userdata) {
        const Repair *repair = userdata;
        const Intent *own = &repair->order.intent;
        _cleanup_(close_fd_at) int fd = intent_file_open(WORKER_STATE_DIR, false);
        static IntentSlots found;

        if (fd < 0 || intent_file_read(fd, &found) < 0)
                return 0;
        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                const Intent *other = found.slots + i;

                if ((other->state == INTENT_BANNED ||
                     (other->state == INTENT_OPEN && memcmp(other->boot_id, own->boot_id, BOOT_ID_SIZE) != 0)) &&
                    text_equal(other->kernel_release, repair->healer->kernel_release) &&
                    other->uuid_state == FACT_KNOWN && memcmp(other->uuid, own->uuid, UUID_SIZE) == 0 &&
                    other->target.structure == own->target.structure && other->target.group == own->target.group &&
                    other->target.inode == own->target.inode)
                        return 1;
        }

        return 0;
}

static int repair_in_child(int report_fd, void *userdata) {
        Repair *repair = userdata;
        const Healer *healer = repair->healer;
        IntentWriter writer;

        if (child_call_with_deadline(look_at_worker, repair, INTENT_WRITE_USEC) == 1) {
                WorkerJobResult refused = { .outcome = OUTCOME_REFUSED_UNFINISHED };

                (void) text_copy(refused.detail, sizeof(refused.detail),
                                 "healer-worker --list-intents tells more");
                return job_report_result(report_fd, &refused) < 0;
        }

        intent_writer_start(&writer, healer->state_dir, -EBADF);
        return repair_run(&healer->host, &repair->order, healer->superblock, report_fd, healer->monitor_fd, &writer);
}

/* In the loop */

/* Sentences that xfsprogs' program has are said as they are, so that whoever looks for them finds them; what there is
 * to be said besides has a line of its own. */
static void say_result(Healer *healer, const Repair *repair) {
        const WorkerJobResult *result = &repair->result;
        char answer[JOB_DETAIL_SIZE + 256] = "";

        /* That it could not be done any more was said by the end itself. */
        if (healer->is_unmounted && !outcome_is_success(result->outcome))
                return;
        if (result->outcome == OUTCOME_UNVERIFIED || result->outcome == OUTCOME_CONTENT_LOST)
                healer_report_answer(healer, &repair->event, repair->path, outcome_to_sentence(OUTCOME_DONE));

        (void) text_append_format(answer, sizeof(answer), "%s", outcome_to_sentence(result->outcome));
        if (result->detail[0] && result->outcome != OUTCOME_STILL_CORRUPT)
                (void) text_append_format(answer, sizeof(answer), " (%s)", result->detail);
        else if (result->error != 0 && result->outcome == OUTCOME_FAILED)
                (void) text_append_format(answer, sizeof(answer), " (%s)", strerror(result->error));
        healer_report_answer(healer, &repair->event, repair->path, answer);
}

static void put_back(Healer *healer, Repair *repair, uint64_t pause_usec) {
        repair->not_before_usec = clock_monotonic_usec() + pause_usec;
        TAILQ_INSERT_TAIL(&healer->repairs, repair, entry);
        healer->n_repairs++;
}

static void remember_healed(Healer *healer, const RepairTarget *target) {
        healer->healed[healer->n_healed++ % HEALED_MAX] = (Healed) {
                .target = *target,
                .ended_boottime_usec = clock_boottime_usec(),
        };
}

/* Each access to what is broken is reported, and some of that is read while it is repaired. */
static bool is_healed_since(const Healer *healer, const RepairTarget *target, const HealthEvent *event) {
        for (size_t i = 0; i < HEALED_MAX; i++)
                if (repair_target_equal(&healer->healed[i].target, target) &&
                    event->received_boottime_usec < healer->healed[i].ended_boottime_usec)
                        return true;

        return false;
}

/* Takes the repair. */
static void conclude(Healer *healer, Repair *taken) {
        _cleanup_(repair_free_at) Repair *repair = taken;
        Outcome outcome = repair->result.outcome;
        uint64_t pause_usec = healer->is_leaving || healer->is_shut_down ? USEC_INFINITY
                                                                         : healer_retry_usec(outcome, repair->n_tries);

        /* Told when it is seen first, and when it is the last word. */
        if (repair->n_tries == 1 || pause_usec == USEC_INFINITY)
                say_result(healer, repair);
        if (pause_usec != USEC_INFINITY) {
                put_back(healer, steal_ptr(repair), pause_usec);
                return;
        }

        if (outcome_is_success(outcome)) {
                attempt_memory_forget(&healer->attempts, 0, &repair->target);
                remember_healed(healer, &repair->target);
        } else if (outcome != OUTCOME_CANCELLED && outcome != OUTCOME_UNMOUNTED && outcome != OUTCOME_SHUT_DOWN) {
                attempt_memory_failed(&healer->attempts, 0, &repair->target, clock_boottime_usec());
        }
        if (healer_outcome_wants_scan(outcome))
                healer_scan_want(healer);
}

static void on_repair_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        Repair *repair = userdata;
        Healer *healer = repair->healer;
        const WorkerMessage *message = bytes;

        (void) child;
        close_fd(fd);

        if (size_bytes == sizeof(JobBegun)) {
                const JobBegun *begun = bytes;
                const Intent *ban = intents_find_ban(healer->intents, &healer->superblock->facts, &repair->target);

                /* It would not have begun if the ban still stood. */
                if (ban && begun->is_started)
                        intents_forget_ban(healer->intents, ban);
                repair->is_intent_written = begun->is_started || begun->intent_error != 0;
                intents_note_write(healer->intents, repair->order.intent_slot, begun->intent_error);
                return;
        }

        if (worker_message_check(message, size_bytes) < 0 || message->header.type != WORKER_JOB_RESULT)
                return;
        repair->result = message->result;
        repair->has_result = true;
}

static void on_repair_stuck(Child *child, void *userdata) {
        Repair *repair = userdata;
        Healer *healer = repair->healer;

        repair->is_stuck_said = true;
        healer->is_hopeless = true;
        (void) text_append_format(repair->result.detail, sizeof(repair->result.detail),
                                  "pid %d; nothing more is repaired", (int) child_pid(child));
        repair->result.outcome = OUTCOME_STUCK;
        say_result(healer, repair);
}

static void on_repair_end(Child *child, const ChildEnd *end, void *userdata) {
        Repair *repair = userdata;
        Healer *healer = repair->healer;

        (void) child;

        healer->running = NULL;
        if (!repair->has_result) {
                repair->result = (WorkerJobResult) {};
                job_explain_end(end, &repair->result);
        }
        if (end->ending == CHILD_CRASHED)
                healer->is_hopeless = true;
        else if (repair->is_stuck_said)
                healer->is_hopeless = false;

        /* Its place is another try's from here on. */
        if (repair->is_intent_written)
                intents_end(healer->intents, repair->order.intent_slot, intent_state_after(repair->result.outcome),
                            &repair->result);
        else
                intents_drop(healer->intents, repair->order.intent_slot);
        /* Nobody else asks for results. */
        intents_taken(healer->intents, repair->order.intent.job_id);

        conclude(healer, repair);
        healer_repair_continue(healer);
}

static void prepare_order(Healer *healer, Repair *repair) {
        const WorkerFilesystem *facts = &healer->superblock->facts;
        RepairOrder *order = &repair->order;
        const Intent *ban = intents_find_ban(healer->intents, facts, &repair->target);

        *order = (RepairOrder) {
                .request = {
                        .job_id = healer->next_job_id,
                        .device_number = facts->device_number,
                        .target = repair->target,
                },
                .intent = {
                        .job_id = healer->next_job_id,
                        .device_number = facts->device_number,
                        .uuid_state = facts->uuid_state,
                        .target = repair->target,
                },
                .is_banned = ban != NULL,
        };
        healer->next_job_id++;
        (void) text_copy(order->type, sizeof(order->type), facts->type);
        memcpy(order->intent.uuid, facts->uuid, UUID_SIZE);
        if (ban) {
                order->ban = *ban;
                order->can_ban_be_lifted = intents_can_ban_be_lifted(healer->intents, ban);
        }
        intents_begin(healer->intents, &order->intent, &order->intent_slot);
        order->intent_error = intents_may_write(healer->intents, order->intent_slot);
}

static int start(Healer *healer, Repair *repair) {
        ChildTask task = {
                .name = "repair",
                .run = repair_in_child,
                .on_report = on_repair_report,
                .on_stuck = on_repair_stuck,
                .on_end = on_repair_end,
                .userdata = repair,
                .timeout_usec = REPAIR_TIMEOUT_USEC,
                .keep_fds = { healer->monitor_fd },
        };
        int r;

        if (healer->host.kmsg_fd >= 0)
                task.keep_fds[1] = healer->host.kmsg_fd;
        repair->n_tries++;
        repair->has_result = repair->is_intent_written = repair->is_stuck_said = false;
        repair->result = (WorkerJobResult) {};
        prepare_order(healer, repair);
        r = child_spawn(healer->children, &task, NULL);
        if (r < 0)
                intents_drop(healer->intents, repair->order.intent_slot);
        return r;
}

static int on_repair_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Healer *healer = userdata;

        (void) source;
        (void) usec;

        healer->repair_timer = sd_event_source_disable_unref(healer->repair_timer);
        healer_repair_continue(healer);
        return 0;
}

/* The first that is due; NULL, and a timer for the one that is due first. */
static Repair *take_next(Healer *healer) {
        uint64_t now_usec = clock_monotonic_usec(), first_usec = USEC_INFINITY;
        Repair *repair;

        TAILQ_FOREACH(repair, &healer->repairs, entry) {
                if (repair->not_before_usec <= now_usec) {
                        TAILQ_REMOVE(&healer->repairs, repair, entry);
                        healer->n_repairs--;
                        return repair;
                }
                first_usec = min_of(first_usec, repair->not_before_usec);
        }

        if (first_usec != USEC_INFINITY)
                (void) sd_event_add_time(healer->event, &healer->repair_timer, CLOCK_MONOTONIC, first_usec, 0,
                                         on_repair_timer, healer);
        return NULL;
}

void healer_repair_continue(Healer *healer) {
        Repair *repair;

        if (healer->running || !healer->is_intents_loaded || healer->is_hopeless || healer->is_shut_down ||
            healer->is_unmounted || healer->is_leaving ||
            intents_find_left_running(healer->intents, &healer->superblock->facts))
                return;

        healer->repair_timer = sd_event_source_disable_unref(healer->repair_timer);
        repair = take_next(healer);
        if (!repair)
                return;
        if (start(healer, repair) < 0)
                put_back(healer, repair, USEC_PER_SEC);
        else
                healer->running = repair;
}

static bool is_wanted_already(const Healer *healer, const RepairTarget *target) {
        const Repair *repair;

        if (healer->running && repair_target_equal(&healer->running->target, target))
                return true;
        TAILQ_FOREACH(repair, &healer->repairs, entry)
                if (repair_target_equal(&repair->target, target))
                        return true;

        return false;
}

void healer_repair_want(Healer *healer, const HealthEvent *event, const char *path) {
        const RepairTarget target = { event->structure, event->group, event->inode, event->generation };
        _cleanup_(repair_free_at) Repair *repair = NULL;

        if (healer->is_shut_down || healer->is_unmounted || healer->is_leaving ||
            is_wanted_already(healer, &target) || is_healed_since(healer, &target, event))
                return;
        /* Said when it failed; each access to what is broken reports it again. */
        if (attempt_memory_hold_usec(&healer->attempts, 0, &target, clock_boottime_usec()) > 0)
                return;
        if (!metadata_structure_is_repairable(target.structure)) {
                /* The scan meets it as well, and that is no reason for the next one. */
                attempt_memory_failed(&healer->attempts, 0, &target, clock_boottime_usec());
                healer_scan_want(healer);
                return;
        }
        if (healer->n_repairs >= REPAIRS_MAX) {
                healer_scan_want(healer);
                return;
        }

        repair = calloc(1, sizeof(*repair));
        if (!repair) {
                healer_scan_want(healer);
                return;
        }
        repair->healer = healer;
        repair->event = *event;
        repair->target = target;
        repair->path = path ? strdup(path) : NULL;
        put_back(healer, steal_ptr(repair), 0);
        healer_repair_continue(healer);
}

void healer_repair_drop(Healer *healer) {
        while (!TAILQ_EMPTY(&healer->repairs)) {
                Repair *repair = TAILQ_FIRST(&healer->repairs);

                TAILQ_REMOVE(&healer->repairs, repair, entry);
                repair_free(repair);
        }
        healer->n_repairs = 0;
}

void healer_repair_clear(Healer *healer) {
        healer_repair_drop(healer);
        healer->running = repair_free(healer->running);
        sd_event_source_disable_unref(healer->repair_timer);
        intents_free(healer->intents);
        close_fd(healer->host.kmsg_fd);
}

/* What began before us */

static void on_intents_loaded(void *userdata) {
        Healer *healer = userdata;

        healer->is_intents_loaded = true;
        healer_repair_continue(healer);
}

static void on_left_ended(const Intent *intent, void *userdata) {
        (void) intent;

        healer_repair_continue(userdata);
}

static const IntentsCalls intents_calls = {
        .on_loaded = on_intents_loaded,
        .on_left_ended = on_left_ended,
};

/* A frozen disk must not keep us: the last folder is made by who writes there. */
static int make_folders(void *userdata) {
        (void) userdata;

        if (mkdir(WORKER_STATE_DIR, 0755) < 0 && errno != EEXIST)
                return -errno;
        return mkdir(OWN_STATE_DIR, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int healer_repair_prepare(Healer *healer) {
        char uuid[UUID_TEXT_SIZE];
        struct utsname names;
        int r;

        if (uname(&names) < 0)
                return negative_errno();
        (void) text_copy(healer->kernel_release, sizeof(healer->kernel_release), names.release);
        r = kernel_version_running(&healer->host.kernel);
        if (r < 0)
                return r;

        (void) snprintf(healer->state_dir, sizeof(healer->state_dir), OWN_STATE_DIR "/%s",
                        uuid_format(healer->superblock->facts.uuid, uuid));
        r = child_call_with_deadline(make_folders, NULL, INTENT_WRITE_USEC);
        if (r < 0)
                log_debug_errno(r, OWN_STATE_DIR ": cannot be made: %m");
        healer->host.state_dir = healer->state_dir;
        healer->host.is_state_elsewhere = true;
        healer->host.kmsg_fd = open("/dev/kmsg", O_WRONLY|O_NONBLOCK|O_CLOEXEC);
        healer->next_job_id = clock_serial_start();

        r = intents_new(healer->event, healer->children, healer->state_dir, healer->kernel_release, &intents_calls,
                        healer, &healer->intents);
        return r < 0 ? r : intents_load(healer->intents);
}
