/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pauses and silences: what persons want left alone for a while. They are kept, and end by themselves: by the clock
 * that counts suspend as long as the machine runs, by that of the wall over a reboot.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/memory-row.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-suspend.h"

/* Nobody waits for its end to the tenth of a second. */
#define TIMER_ACCURACY_USEC (100 * USEC_PER_MSEC)
#define ROW_VERSION 1
/* Routes and file systems that one silence kept from each other; more are said in the log. */
#define WITHHELD_MAX 24

typedef struct Withheld {
        char route[RULE_ID_SIZE];
        char filesystem[FILESYSTEM_KEY_SIZE];
} Withheld;

/* As it is kept. A plain struct of this machine and this version. */
typedef struct SuspensionRow {
        uint32_t version, n_withheld;
        char boot_id[BOOT_ID_SIZE];
        uint64_t until_boottime_usec;   /* of that boot; USEC_INFINITY: until somebody ends it */
        Suspension value;
        Withheld withheld[WITHHELD_MAX];
} SuspensionRow;
_Static_assert(sizeof(SuspensionRow) <= ENGINE_STATE_VALUE_MAX, "it can be kept");

struct SuspensionItem {
        TAILQ_ENTRY(SuspensionItem) entries;
        SuspensionRow row;
        bool is_over_said;              /* there was no room for what it withheld */
};

static SuspensionItem *item_of(Engine *engine, const Suspension *value) {
        SuspensionItem *item;

        TAILQ_FOREACH(item, &engine->suspensions, entries)
                if (&item->row.value == value)
                        return item;
        return NULL;
}

static SuspensionItem *find(Engine *engine, SuspensionKind kind, const char *id) {
        SuspensionItem *item;

        TAILQ_FOREACH(item, &engine->suspensions, entries)
                if (item->row.value.kind == kind && text_equal(item->row.value.id, id))
                        return item;
        return NULL;
}

static size_t count(Engine *engine, SuspensionKind kind) {
        const SuspensionItem *item;
        size_t n = 0;

        TAILQ_FOREACH(item, &engine->suspensions, entries)
                n += item->row.value.kind == kind;
        return n;
}

static const char *key_of(const Suspension *value, char buffer[static ENGINE_STATE_KEY_SIZE]) {
        (void) snprintf(buffer, ENGINE_STATE_KEY_SIZE, SUSPENSION_KEY_PREFIX "%s/%s",
                        suspension_kind_to_name(value->kind), value->id);
        return buffer;
}

static void keep(Engine *engine, const SuspensionItem *item) {
        char key[ENGINE_STATE_KEY_SIZE];

        engine_state_put(engine, key_of(&item->row.value, key), &item->row, sizeof(item->row));
}

static void timer_arm(Engine *engine) {
        uint64_t due_usec = USEC_INFINITY;
        const SuspensionItem *item;
        int r;

        TAILQ_FOREACH(item, &engine->suspensions, entries)
                due_usec = min_of(due_usec, item->row.until_boottime_usec);
        if (due_usec == USEC_INFINITY) {
                (void) sd_event_source_set_enabled(engine->suspension_timer, SD_EVENT_OFF);
                return;
        }
        r = sd_event_source_set_time(engine->suspension_timer, due_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(engine->suspension_timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "pauses and silences do not end by themselves: %m");
}

/* What is open when the silence ends is told to whom it was kept from. */
static void withhold(SuspensionItem *item, const SilenceSubject *subject) {
        SuspensionRow *row = &item->row;

        if (!subject->route || !subject->filesystem || !subject->filesystem[0])
                return;
        for (size_t i = 0; i < row->n_withheld; i++)
                if (text_equal(row->withheld[i].route, subject->route) &&
                    text_equal(row->withheld[i].filesystem, subject->filesystem))
                        return;
        if (row->n_withheld >= WITHHELD_MAX) {
                if (!item->is_over_said)
                        log_warning("silence %s keeps more than %d routes and file systems from each other: over the "
                                    "others nobody is told again when it ends", row->value.id, WITHHELD_MAX);
                item->is_over_said = true;
                return;
        }
        (void) text_copy(row->withheld[row->n_withheld].route, RULE_ID_SIZE, subject->route);
        (void) text_copy(row->withheld[row->n_withheld].filesystem, FILESYSTEM_KEY_SIZE, subject->filesystem);
        row->n_withheld++;
}

/* Unless another silence keeps it from them, too. */
static void tell_withheld(Engine *engine, const SuspensionItem *ended) {
        for (size_t i = 0; i < ended->row.n_withheld; i++) {
                const Withheld *withheld = ended->row.withheld + i;
                const SilenceSubject subject = {
                        .filesystem = withheld->filesystem,
                        .route = withheld->route,
                        .severity = SEVERITY_ALERT,
                };
                const Suspension *other = engine_silence_find(engine, &subject);

                if (other)
                        engine_silence_note(engine, other, &subject);
                else
                        engine_tell(engine, on_unsilenced, withheld->route, withheld->filesystem);
        }
}

/* Frees it. What it kept from being done or told has its turn. */
static void end(Engine *engine, SuspensionItem *item, SuspensionChange change, uint32_t uid) {
        char key[ENGINE_STATE_KEY_SIZE];

        TAILQ_REMOVE(&engine->suspensions, item, entries);
        engine_state_remove(engine, key_of(&item->row.value, key));
        engine_tell(engine, on_suspension, &item->row.value, change, uid);
        tell_withheld(engine, item);
        if (item->row.value.kind == SUSPENSION_PAUSE)
                engine_on_pause(engine);
        free(item);
        timer_arm(engine);
}

static void end_due(Engine *engine) {
        uint64_t now_usec = clock_boottime_usec();
        SuspensionItem *next;

        for (SuspensionItem *item = TAILQ_FIRST(&engine->suspensions); item; item = next) {
                next = TAILQ_NEXT(item, entries);
                if (item->row.until_boottime_usec <= now_usec)
                        end(engine, item, SUSPENSION_EXPIRED, 0);
        }
        timer_arm(engine);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        end_due(userdata);
        return 0;
}

int engine_suspensions_start(Engine *engine) {
        int r;

        r = sd_event_add_time(engine->event, &engine->suspension_timer, CLOCK_BOOTTIME, 0, TIMER_ACCURACY_USEC,
                              on_timer, engine);
        if (r < 0)
                return log_error_errno(r, "cannot make a timer for pauses and silences: %m");
        (void) sd_event_source_set_description(engine->suspension_timer, "suspensions");
        return sd_event_source_set_enabled(engine->suspension_timer, SD_EVENT_OFF);
}

void engine_suspensions_stop(Engine *engine) {
        SuspensionItem *item;

        while ((item = TAILQ_FIRST(&engine->suspensions))) {
                TAILQ_REMOVE(&engine->suspensions, item, entries);
                free(item);
        }
        sd_event_source_disable_unref(engine->suspension_timer);
}

/* A moment of the wall, which lies ahead, on the clock of deadlines. */
static uint64_t boottime_of(uint64_t realtime_usec) {
        uint64_t now_usec = clock_realtime_usec();

        return clock_boottime_usec() + (realtime_usec > now_usec ? realtime_usec - now_usec : 0);
}

int engine_suspend(Engine *engine, const Suspension *wanted, const char **ret_id) {
        SuspensionItem *item, *earlier = NULL;

        if (wanted->kind == SUSPENSION_PAUSE)
                earlier = find(engine, SUSPENSION_PAUSE, wanted->id);
        if (!earlier && count(engine, wanted->kind) >= ENGINE_SUSPENSIONS_MAX)
                return -ENOBUFS;
        item = earlier ?: calloc(1, sizeof(*item));
        if (!item)
                return -ENOMEM;

        item->row.version = ROW_VERSION;
        engine_find_boot_id(engine, item->row.boot_id);
        item->row.until_boottime_usec = wanted->until_usec == 0 ? USEC_INFINITY : boottime_of(wanted->until_usec);
        item->row.value = *wanted;
        item->row.value.since_usec = clock_realtime_usec();
        item->row.value.n_matched = 0;
        if (wanted->kind == SUSPENSION_SILENCE)
                (void) snprintf(item->row.value.id, sizeof(item->row.value.id), "%" PRIu64,
                                engine_new_number(engine));
        if (!earlier)
                TAILQ_INSERT_TAIL(&engine->suspensions, item, entries);
        keep(engine, item);
        timer_arm(engine);
        engine_tell(engine, on_suspension, &item->row.value, SUSPENSION_SET, wanted->uid);
        if (wanted->kind == SUSPENSION_PAUSE)
                engine_on_pause(engine);
        if (ret_id)
                *ret_id = item->row.value.id;
        return 0;
}

int engine_unsuspend(Engine *engine, SuspensionKind kind, const char *id, uint32_t uid) {
        SuspensionItem *item = find(engine, kind, id);

        if (!item)
                return -ENXIO;
        end(engine, item, SUSPENSION_ENDED, uid);
        return 0;
}

const Suspension *engine_suspension_next(Engine *engine, SuspensionKind kind, const Suspension *previous) {
        const SuspensionItem *item = previous ? item_of(engine, previous) : NULL;

        item = item ? TAILQ_NEXT(item, entries) : previous ? NULL : TAILQ_FIRST(&engine->suspensions);
        while (item && item->row.value.kind != kind)
                item = TAILQ_NEXT(item, entries);
        return item ? &item->row.value : NULL;
}

const Suspension *engine_pause_of(Engine *engine, const Filesystem *filesystem) {
        char key[FILESYSTEM_KEY_SIZE];
        const SuspensionItem *item;

        if (TAILQ_EMPTY(&engine->suspensions))
                return NULL;
        item = find(engine, SUSPENSION_PAUSE, SUSPENSION_ALL);
        if (!item && filesystem)
                item = find(engine, SUSPENSION_PAUSE, filesystem_key(&filesystem->facts, key));
        return item ? &item->row.value : NULL;
}

void engine_suspension_count(Engine *engine, const Suspension *suspension) {
        SuspensionItem *item = item_of(engine, suspension);

        if (!item)
                return;
        item->row.value.n_matched++;
        keep(engine, item);
}

const Suspension *engine_silence_find(Engine *engine, const SilenceSubject *subject) {
        const SuspensionItem *item;

        TAILQ_FOREACH(item, &engine->suspensions, entries)
                if (item->row.value.kind == SUSPENSION_SILENCE && silence_matches(&item->row.value.match, subject))
                        return &item->row.value;
        return NULL;
}

void engine_silence_note(Engine *engine, const Suspension *silence, const SilenceSubject *subject) {
        SuspensionItem *item = item_of(engine, silence);

        if (!item)
                return;
        item->row.value.n_matched++;
        withhold(item, subject);
        keep(engine, item);
}

#define IS_TEXT(field) (memchr((field), 0, sizeof(field)) != NULL)

static bool is_good_match(const SilenceMatch *match) {
        uint8_t has_severity;

        /* Other bytes than these two are no truth value, and must not be looked at as one. */
        memcpy(&has_severity, &match->has_severity, sizeof(has_severity));
        if (has_severity > true)
                return false;
        return IS_TEXT(match->filesystem) && IS_TEXT(match->kind) && IS_TEXT(match->rule) && IS_TEXT(match->route) &&
               (!match->has_severity || severity_to_name(match->severity_at_most));
}

static bool is_good(const SuspensionRow *row, const char *key) {
        char own[ENGINE_STATE_KEY_SIZE];

        if (row->n_withheld > WITHHELD_MAX || !IS_TEXT(row->boot_id) || !suspension_kind_to_name(row->value.kind) ||
            !IS_TEXT(row->value.id) || !IS_TEXT(row->value.reason) || !is_good_match(&row->value.match))
                return false;
        for (size_t i = 0; i < row->n_withheld; i++)
                if (!IS_TEXT(row->withheld[i].route) || !IS_TEXT(row->withheld[i].filesystem))
                        return false;
        return text_equal(key, key_of(&row->value, own));
}

int engine_adopt_suspension(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        const SuspensionRow *row = value;
        char boot_id[BOOT_ID_SIZE];
        SuspensionItem *item;

        if (size_bytes >= sizeof(row->version)) {
                uint32_t version;

                memcpy(&version, value, sizeof(version));
                if (version != ROW_VERSION)
                        return -EPROTONOSUPPORT;
        }
        if (size_bytes != sizeof(*row))
                return -EBADMSG;
        item = calloc(1, sizeof(*item));
        if (!item)
                return -ENOMEM;
        memcpy(&item->row, value, sizeof(item->row));
        if (!is_good(&item->row, key)) {
                free(item);
                return -EBADMSG;
        }
        /* What this run was told is newer. */
        if (find(engine, item->row.value.kind, item->row.value.id)) {
                free(item);
                return 0;
        }

        engine_find_boot_id(engine, boot_id);
        if (!text_equal(boot_id, item->row.boot_id)) {
                (void) text_copy(item->row.boot_id, sizeof(item->row.boot_id), boot_id);
                if (item->row.until_boottime_usec != USEC_INFINITY)
                        item->row.until_boottime_usec = boottime_of(item->row.value.until_usec);
        }
        TAILQ_INSERT_TAIL(&engine->suspensions, item, entries);
        engine_tell(engine, on_suspension, &item->row.value, SUSPENSION_BACK, item->row.value.uid);
        if (item->row.value.kind == SUSPENSION_PAUSE)
                engine_on_pause(engine);
        return 0;
}

void engine_suspensions_loaded(Engine *engine) {
        const SuspensionItem *item;

        TAILQ_FOREACH(item, &engine->suspensions, entries)
                keep(engine, item);
        end_due(engine);
}
