/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-authorize.h. One question goes: who is it (the bus answers) -> may they (polkit answers) -> the same
 * message is put in front of the handlers again, where bus_authorize() finds the answer. Every question has one
 * deadline over both steps, and ends early when its caller leaves the bus.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/message-ids.h"
#include "src/basic/text.h"
#include "src/bus/bus-authorize.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-polkit.h"

/* Callers whose user is being asked for: the bus answers in no time, so this many means an attack. */
#define CALLERS_MAX 1024

/* Log lines about refusals in one minute: anybody can cause them. */
#define LOGGED_REFUSALS_MAX 20

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

typedef enum PendingStep {
        PENDING_CALLER,                 /* who is it? */
        PENDING_POLKIT,
        PENDING_ALLOWED,                /* the message is on its way to its handler again */
} PendingStep;

typedef struct Pending {
        BusAuthorizer *authorizer;
        sd_bus_message *request;
        const BusGuard *guard;
        uint64_t filesystem_id;         /* 0: none */
        uint32_t owner_uid, uid;
        PendingStep step;
        bool is_interactive;
        char cancellation_id[32];
        sd_bus_message *question;       /* made while the call's values are there, sent later */
        sd_bus_slot *caller_slot, *polkit_slot, *left_slot;
        sd_event_source *deadline, *sweep;
        TAILQ_ENTRY(Pending) link;
} Pending;

struct BusAuthorizer {
        sd_event *event;
        uint64_t interactive_usec, timeout_usec;
        uint64_t n_asked;
        uint64_t refusals_since_usec;
        unsigned n_refusals;
        size_t n_pending;
        TAILQ_HEAD(, Pending) pending;
};

/* As polkit's answers are told to the caller. */
static const struct {
        const char *error;
        const char *text;
} refusals[] = {
        [POLKIT_YES]       = { SD_BUS_ERROR_FAILED, "" },
        [POLKIT_NO]        = { SD_BUS_ERROR_ACCESS_DENIED, "You are not allowed to do this" },
        [POLKIT_CHALLENGE] = { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                               "Authentication is required, and nobody could be asked: allow interaction, and have an "
                               "authentication agent running" },
        [POLKIT_DISMISSED] = { BUS_ERROR_AUTHORIZATION_DISMISSED, "The authentication dialog was dismissed" },
        [POLKIT_ABSENT]    = { BUS_ERROR_NO_POLKIT, "polkit is not running here, so only root may do this" },
        [POLKIT_BROKEN]    = { SD_BUS_ERROR_ACCESS_DENIED, "polkit could not answer" },
};

int bus_authorizer_new(sd_event *event, uint64_t interactive_usec, uint64_t timeout_usec,
                       BusAuthorizer **ret_authorizer) {
        BusAuthorizer *authorizer;

        authorizer = malloc(sizeof(*authorizer));
        if (!authorizer)
                return -ENOMEM;

        *authorizer = (BusAuthorizer) {
                .event = sd_event_ref(event),
                .interactive_usec = interactive_usec,
                .timeout_usec = timeout_usec,
        };
        TAILQ_INIT(&authorizer->pending);

        *ret_authorizer = authorizer;
        return 0;
}

static Pending *pending_free(Pending *pending) {
        TAILQ_REMOVE(&pending->authorizer->pending, pending, link);
        pending->authorizer->n_pending--;

        sd_bus_slot_unref(pending->caller_slot);
        sd_bus_slot_unref(pending->polkit_slot);
        sd_bus_slot_unref(pending->left_slot);
        sd_event_source_disable_unref(pending->deadline);
        sd_event_source_disable_unref(pending->sweep);
        sd_bus_message_unref(pending->question);
        sd_bus_message_unref(pending->request);
        free(pending);
        return NULL;
}

BusAuthorizer *bus_authorizer_free(BusAuthorizer *authorizer) {
        if (!authorizer)
                return NULL;

        bus_authorizer_drop_all(authorizer);
        sd_event_unref(authorizer->event);
        free(authorizer);
        return NULL;
}

void bus_authorizer_drop_all(BusAuthorizer *authorizer) {
        Pending *pending;

        while ((pending = TAILQ_FIRST(&authorizer->pending)))
                pending_free(pending);
}

size_t bus_authorizer_n_pending(const BusAuthorizer *authorizer) {
        return authorizer->n_pending;
}

/* Anybody can be refused as often as they like: the journal hears of the first ones in each minute. */
static bool refusal_is_logged(BusAuthorizer *authorizer) {
        uint64_t now_usec = clock_monotonic_usec();

        if (now_usec - authorizer->refusals_since_usec >= USEC_PER_MINUTE) {
                if (authorizer->n_refusals > LOGGED_REFUSALS_MAX)
                        log_warning("%u more bus calls were refused", authorizer->n_refusals - LOGGED_REFUSALS_MAX);
                authorizer->refusals_since_usec = now_usec;
                authorizer->n_refusals = 0;
        }

        return ++authorizer->n_refusals <= LOGGED_REFUSALS_MAX;
}

static void log_answer(const Pending *pending, const char *error) {
        const BusGuard *guard = pending->guard;
        LogRecord record;

        if (error && !refusal_is_logged(pending->authorizer))
                return;

        log_record_begin(&record, error ? LOG_WARNING : LOG_NOTICE, MESSAGE_AUTHORIZATION);
        log_record_field(&record, "XFS_HEALER_MEMBER", "%s.%s", guard->interface, guard->member);
        log_record_field(&record, "XFS_HEALER_POLKIT_ACTION", "%s", guard->action);
        if (pending->uid != BUS_UID_NONE)
                log_record_field(&record, "XFS_HEALER_CALLER_UID", "%" PRIu32, pending->uid);
        log_record_field(&record, "XFS_HEALER_RESULT", "%s", error ? error : "allowed");
        if (pending->uid == BUS_UID_NONE)
                log_record_send(&record, "%s of an unknown user: %s", guard->member, error ? error : "allowed");
        else
                log_record_send(&record, "%s of user %" PRIu32 ": %s", guard->member, pending->uid,
                                error ? error : "allowed");
}

static void pending_cancel_question(Pending *pending) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *message = NULL;
        sd_bus *bus = sd_bus_message_get_bus(pending->request);
        int r;

        if (pending->step != PENDING_POLKIT)
                return;

        r = polkit_cancel_new(bus, pending->cancellation_id, &message);
        if (r >= 0)
                r = sd_bus_send(bus, message, NULL);
        if (r < 0)
                log_debug_errno(r, "Cannot take back a question to polkit: %m");
}

/* Answers the caller and ends the question. */
static void pending_refuse(Pending *pending, const char *error, const char *text) {
        int r;

        log_answer(pending, error);
        r = sd_bus_reply_method_errorf(pending->request, error, "%s", text);
        if (r < 0)
                log_debug_errno(r, "Cannot answer a refused call: %m");
        pending_free(pending);
}

static int on_sweep(sd_event_source *source _unused_, void *userdata) {
        /* The handler did not come to ask: its object went away, or the arguments are refused now. */
        pending_free(userdata);
        return 0;
}

/* Delivers the message again; whatever the handler makes of it, the answer is gone when the loop is idle. */
static int pending_redeliver(Pending *pending) {
        int r;

        pending->step = PENDING_ALLOWED;
        pending->caller_slot = sd_bus_slot_unref(pending->caller_slot);
        pending->polkit_slot = sd_bus_slot_unref(pending->polkit_slot);
        pending->left_slot = sd_bus_slot_unref(pending->left_slot);
        pending->deadline = sd_event_source_disable_unref(pending->deadline);

        r = sd_event_add_defer(pending->authorizer->event, &pending->sweep, on_sweep, pending);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(pending->sweep, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        r = sd_bus_message_rewind(pending->request, true);
        if (r < 0)
                return r;

        return sd_bus_enqueue_for_read(sd_bus_message_get_bus(pending->request), pending->request);
}

static void pending_allow(Pending *pending) {
        int r;

        log_answer(pending, NULL);
        r = pending_redeliver(pending);
        if (r < 0) {
                log_warning_errno(r, "Cannot go on with an authorised call: %m");
                (void) sd_bus_reply_method_errno(pending->request, r, NULL);
                pending_free(pending);
        }
}

static int on_polkit(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        Pending *pending = userdata;
        PolkitAnswer answer = polkit_answer_read(reply);

        /* Most likely our own configuration: polkit answers only those who own the action. */
        if (answer == POLKIT_BROKEN && pending->authorizer->n_refusals < LOGGED_REFUSALS_MAX)
                log_warning("polkit could not answer about %s: %s", pending->guard->action,
                            sd_bus_message_is_method_error(reply, NULL) ? sd_bus_message_get_error(reply)->message
                                                                        : "it sent something else");

        if (answer == POLKIT_YES)
                pending_allow(pending);
        else
                pending_refuse(pending, refusals[answer].error, refusals[answer].text);
        return 0;
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Pending *pending = userdata;

        pending_cancel_question(pending);
        pending_refuse(pending, BUS_ERROR_AUTHORIZATION_TIMED_OUT, "Nobody answered in time whether you may do this");
        return 0;
}

static int on_caller_left(sd_bus_message *message _unused_, void *userdata, sd_bus_error *error _unused_) {
        Pending *pending = userdata;

        pending_cancel_question(pending);
        pending_free(pending);
        return 0;
}

static int on_watch_installed(sd_bus_message *reply, void *userdata _unused_, sd_bus_error *error _unused_) {
        /* Without the watch the deadline ends the question; sd-bus alone would give up the connection. */
        if (sd_bus_message_is_method_error(reply, NULL))
                log_debug("Cannot watch a caller: %s", sd_bus_message_get_error(reply)->name);
        return 0;
}

/* The caller's name has no new owner, ever: unique names are not given out twice. */
static int pending_watch_caller(Pending *pending) {
        sd_bus *bus = sd_bus_message_get_bus(pending->request);
        const char *sender = sd_bus_message_get_sender(pending->request);
        char match[512];

        (void) snprintf(match, sizeof(match),
                        "type='signal',sender='" DBUS_NAME "',path='" DBUS_PATH "',interface='" DBUS_NAME
                        "',member='NameOwnerChanged',arg0='%s',arg2=''",
                        sender);

        return sd_bus_add_match_async(bus, &pending->left_slot, match, on_caller_left, on_watch_installed, pending);
}

static size_t count_step(const BusAuthorizer *authorizer, PendingStep step) {
        const Pending *pending;
        size_t n = 0;

        TAILQ_FOREACH(pending, &authorizer->pending, link)
                if (pending->step == step)
                        n++;

        return n;
}

static size_t count_of_user(const BusAuthorizer *authorizer, uint32_t uid) {
        const Pending *pending;
        size_t n = 0;

        TAILQ_FOREACH(pending, &authorizer->pending, link)
                n += pending->step == PENDING_POLKIT && pending->uid == uid;

        return n;
}

static void pending_ask_polkit(Pending *pending) {
        int r;

        if (count_of_user(pending->authorizer, pending->uid) >= BUS_AUTHORIZE_PENDING_PER_USER_MAX) {
                pending_refuse(pending, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many of your calls wait for authentication");
                return;
        }

        if (count_step(pending->authorizer, PENDING_POLKIT) >= BUS_AUTHORIZE_PENDING_MAX) {
                pending_refuse(pending, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many calls wait for authentication");
                return;
        }

        pending->step = PENDING_POLKIT;
        /* Watched before polkit is asked: of a caller who left in between polkit itself says that there is none. */
        r = pending_watch_caller(pending);
        if (r < 0)
                log_debug_errno(r, "Cannot watch a caller: %m");
        /* Our own deadline is the one that counts. */
        r = sd_bus_call_async(sd_bus_message_get_bus(pending->request), &pending->polkit_slot, pending->question,
                              on_polkit, pending, UINT64_MAX);
        if (r < 0) {
                log_warning_errno(r, "Cannot ask polkit: %m");
                pending_refuse(pending, refusals[POLKIT_BROKEN].error, refusals[POLKIT_BROKEN].text);
        }
}

static int on_caller(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        Pending *pending = userdata;

        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "u", &pending->uid) < 0) {
                pending_refuse(pending, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not say who you are");
                return 0;
        }

        if (pending->uid == 0 || (pending->owner_uid != BUS_UID_NONE && pending->uid == pending->owner_uid))
                pending_allow(pending);
        else
                pending_ask_polkit(pending);
        return 0;
}

static int pending_start(Pending *pending, const BusAuthorizeCall *call) {
        sd_bus *bus = sd_bus_message_get_bus(pending->request);
        const char *sender = sd_bus_message_get_sender(pending->request);
        BusAuthorizer *authorizer = pending->authorizer;
        int r;

        r = polkit_question_new(bus, &(PolkitQuestion) {
                .guard = pending->guard,
                .sender = sender,
                .is_interactive = pending->is_interactive,
                .cancellation_id = pending->cancellation_id,
                .call = call,
        }, &pending->question);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(authorizer->event, &pending->deadline, CLOCK_MONOTONIC,
                                       pending->is_interactive ? authorizer->interactive_usec
                                                               : authorizer->timeout_usec,
                                       /* accuracy= */ 0, on_deadline, pending);
        if (r < 0)
                return r;

        return sd_bus_call_method_async(bus, &pending->caller_slot, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                                        "GetConnectionUnixUser", on_caller, pending, "s", sender);
}

static int pending_new(BusAuthorizer *authorizer, sd_bus_message *message, const BusGuard *guard,
                       const BusAuthorizeCall *call, sd_bus_error *error) {
        Pending *pending;
        int r;

        pending = malloc(sizeof(*pending));
        if (!pending)
                return -ENOMEM;

        *pending = (Pending) {
                .authorizer = authorizer,
                .request = sd_bus_message_ref(message),
                .guard = guard,
                .filesystem_id = call->filesystem ? call->filesystem->id : 0,
                .owner_uid = call->owner_uid,
                .uid = BUS_UID_NONE,
                .is_interactive = sd_bus_message_get_allow_interactive_authorization(message) > 0,
        };
        (void) snprintf(pending->cancellation_id, sizeof(pending->cancellation_id), "healerd-%" PRIu64,
                        ++authorizer->n_asked);
        TAILQ_INSERT_TAIL(&authorizer->pending, pending, link);
        authorizer->n_pending++;

        r = pending_start(pending, call);
        if (r < 0) {
                pending_free(pending);
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                        "Nobody could be asked whether you may do this");
        }

        return 0;
}

static int check_limits(const BusAuthorizer *authorizer, const char *sender, sd_bus_error *error) {
        const Pending *pending;
        unsigned n = 0;

        TAILQ_FOREACH(pending, &authorizer->pending, link)
                if (text_equal(sd_bus_message_get_sender(pending->request), sender))
                        n++;

        if (n >= BUS_AUTHORIZE_PENDING_PER_SENDER_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                        "Too many of your calls wait for authentication");
        if (authorizer->n_pending >= CALLERS_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many calls wait for authentication");

        return 0;
}

/* The second run of a handler: what was allowed has to be what is asked for now. */
static int take_answer(Pending *pending, const BusGuard *guard, const BusAuthorizeCall *call, uint32_t *ret_uid,
                       sd_bus_error *error) {
        uint64_t filesystem_id = call->filesystem ? call->filesystem->id : 0;
        bool is_same = pending->step == PENDING_ALLOWED && pending->guard == guard &&
                       pending->filesystem_id == filesystem_id;

        *ret_uid = pending->uid;
        pending_free(pending);
        if (!is_same)
                return sd_bus_error_set(error, BUS_ERROR_BUSY,
                                        "The file system changed while you were asked; call again");

        return 1;
}

int bus_authorize(BusAuthorizer *authorizer, sd_bus_message *message, const BusAuthorizeCall *call, uint32_t *ret_uid,
                  sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(message);
        const BusGuard *guard;
        Pending *pending;
        int r;

        guard = bus_guard_find(sd_bus_message_get_interface(message), sd_bus_message_get_member(message),
                               call->variant);
        if (!guard)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Nobody may do this");
        if (!guard->action) {
                *ret_uid = BUS_UID_NONE;
                return 1;
        }
        if (!sender)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not say who you are");

        TAILQ_FOREACH(pending, &authorizer->pending, link)
                if (pending->request == message)
                        return take_answer(pending, guard, call, ret_uid, error);

        r = check_limits(authorizer, sender, error);
        if (r < 0)
                return r;

        return pending_new(authorizer, message, guard, call, error);
}

/* Runs before any handler: a member that nobody put into the table cannot be called, whatever the vtables say. */
static int on_any_message(sd_bus_message *message, void *userdata _unused_, sd_bus_error *error) {
        const char *interface = sd_bus_message_get_interface(message), *member = sd_bus_message_get_member(message);

        if (sd_bus_message_is_method_call(message, NULL, NULL) <= 0 || !interface ||
            !text_starts_with(interface, BUS_NAME ".") || bus_guard_knows(interface, member))
                return 0;

        return sd_bus_error_setf(error, SD_BUS_ERROR_UNKNOWN_METHOD, "There is no method %s in %s", member, interface);
}

int bus_authorizer_attach(BusAuthorizer *authorizer, sd_bus *bus) {
        return sd_bus_add_filter(bus, /* slot= */ NULL, on_any_message, authorizer);
}
