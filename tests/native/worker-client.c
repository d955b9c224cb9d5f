/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A healerd for tests: speaks to a worker, prints what it says one record a line, and takes orders from
 * standard input. Monitors that come are held until their file system is unmounted.
 *
 *   worker-client SOCKET [MOUNT-POINT]...       monitors of these are taken first and said to be held
 *
 *   whose MAJ:MIN INODE GENERATION
 *   gather MAJ:MIN [INODE GENERATION]        repair MAJ:MIN JOB DOMAIN STRUCTURE GROUP INODE GENERATION [OVERRIDE]
 *   scrub MAJ:MIN JOB may-repair|check       cancel JOB     taken JOB     release MAJ:MIN     quit
 *   survey MAJ:MIN groups|inodes REQUEST     survey-cancel REQUEST
 *   users MAJ:MIN REQUEST [INODE]
 *   recycle MAJ:MIN JOB SECONDS [UNIT]...    start-again MAJ:MIN JOB SECONDS [UNIT]...
 *   unit JOB TEMPLATE SECONDS MESSAGE        unit-bare JOB TEMPLATE SECONDS (without anything to read)
 *   fail MAJ:MIN JOB stop|fail|freeze [announce=UNIT[/CONTAINER]]… [term=S] [hold=S|clear] [thaw=S] [max=N] [large]
 *        [unused] [who=…] [inode=N] [rule=ID] [unit|slice|container|pod=PATTERN]…
 *   unhold UNIT                              shutdown MAJ:MIN JOB
 *   junk (7 bytes)     false-held (with a descriptor that is no monitor)
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel/filesystem-probe.h"
#include "kernel/health-monitor.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/protocol/unit-payload.h"
#include "src/protocol/worker-protocol.h"
#include "src/protocol/workload-list.h"
#include "tests/native/worker-client-fail.h"

#define MONITORS_MAX 256
#define JOB_TIMEOUT_USEC (120 * USEC_PER_SEC)

typedef struct Held {
        uint64_t device_number;
        int fd;
} Held;

static int line_fd = -EBADF;
static size_t n_held;
static Held held[MONITORS_MAX];

static void say(const WorkerMessage *message, int fd) {
        int r = worker_message_send(line_fd, message, fd);

        if (r < 0) {
                fprintf(stderr, "cannot send: %s\n", strerror(-r));
                exit(EXIT_FAILURE);
        }
}

static WorkerMessage prepare(WorkerMessageType type) {
        WorkerMessage message;

        memset(&message, 0, sizeof(message));
        worker_message_init(&message, type);
        return message;
}

static int find_monitor(uint64_t device_number) {
        for (size_t i = n_held; i-- > 0;)
                if (held[i].device_number == device_number)
                        return held[i].fd;

        return -EBADF;
}

static void drop_monitor(size_t i) {
        WorkerMessage message = prepare(WORKER_RELEASED);

        printf("released %u:%u\n", major(held[i].device_number), minor(held[i].device_number));
        message.held.device_number = held[i].device_number;
        close_fd(held[i].fd);
        held[i] = held[--n_held];
        say(&message, -EBADF);
}

static void print_filesystem(const WorkerFilesystem *fs, int fd) {
        static const char *const tristates[] = { "no", "yes", "unknown" };
        static const char *const states[] = { "unknown", "absent", "known" };
        char uuid[UUID_TEXT_SIZE];

        printf("filesystem %u:%u type=%s device=%s monitor=%s%s error=%s holder=%d(%s) uuid=%s label=%s "
               "autofsck=%s/%s "
               "root=%s state=%s removable=%s read-only=%s rmapbt=%u parents=%u metadir=%u rtgroups=%u\n",
               major(fs->device_number), minor(fs->device_number), fs->type, fs->device,
               monitor_state_to_name(fs->monitor_state), fd >= 0 ? "+fd" : "",
               fs->error ? strerror(fs->error) : "-", fs->holder_pid, fs->holder_name,
               fs->uuid_state == FACT_KNOWN ? uuid_format(fs->uuid, uuid) : "-", fs->label,
               states[fs->autofsck_state], autofsck_to_name(fs->autofsck), tristates[fs->is_root],
               tristates[fs->is_state], tristates[fs->is_removable], tristates[fs->is_read_only],
               fs->has_rmapbt, fs->has_parent_pointers, fs->has_metadir, fs->n_rtgroups);
}

static void print_survey(const WorkerSurveyResult *result) {
        for (uint32_t i = 0; i < result->n_findings; i++) {
                const SickFinding *finding = result->findings + i;

                printf("found %" PRIu64 " %s %s group=%" PRIu32 " inode=%" PRIu64 " gen=0x%" PRIx32
                       " unknown=0x%" PRIx32 "\n",
                       result->request_id, event_domain_to_name((EventDomain) finding->domain),
                       structure_to_name((Structure) finding->structure), finding->group, finding->inode,
                       finding->generation, finding->unknown_bits);
        }
        printf("survey-result %" PRIu64 " %s error=%d groups=%" PRIu32 " inodes=%" PRIu64 " unreadable=%" PRIu64
               " untold=%" PRIu64 "\n",
               result->request_id, result->is_last ? "last" : "more", result->error, result->n_groups, result->n_inodes,
               result->n_unreadable, result->n_untold);
}

static void print_user(const WorkerUser *user) {
        printf("user %" PRIu64 " %s pid=%d uses=", user->request_id, user_kind_to_name((UserKind) user->kind),
               user->pid);
        for (uint32_t use = 1; use <= USER_USES_ALL; use <<= 1)
                if (user->uses & use)
                        printf("%s,", user_use_to_name(use));
        printf(" files=%" PRIu32 " name=%s detail=%s unit=%s slice=%s container=%s/%s cgroup=%s account=%s why=%s\n",
               user->n_files, user->name, user->detail, user->unit, user->slice,
               container_runtime_to_name((ContainerRuntime) user->runtime), user->container, user->cgroup,
               user->account, user->spared_because);
}

static void print_users_end(const WorkerUsersEnd *end) {
        printf("users-end %" PRIu64 " error=%d processes=%" PRIu32 " users=%" PRIu32 " untold=%" PRIu32 " hung=%" PRIu32
               " unlooked=%" PRIu32 " ended=%" PRIu32 " unknown=%" PRIu32 " namespaces=%" PRIu32 "+%" PRIu32
               " usec=%" PRIu64 "\n",
               end->request_id, end->error, end->n_processes, end->n_users, end->n_untold, end->n_hung, end->n_unlooked,
               end->n_changed, end->n_files_unknown, end->n_namespaces, end->n_namespaces_unread, end->duration_usec);
}

static void print_message(const WorkerMessage *message, int fd) {
        const WorkerMount *mount = &message->mount;
        const WorkerJobResult *result = &message->result;
        const WorkerOwner *owner = &message->gathered.owner;

        switch ((WorkerMessageType) message->header.type) {
        case WORKER_HELLO_REPLY:
                printf("hello-reply version=%s kernel=%s watch=%s oops=%" PRIu64 "\n",
                       message->hello_reply.program_version, message->hello_reply.kernel_release,
                       message->hello_reply.watches_by == MOUNT_WATCH_FANOTIFY ? "fanotify" : "libmount",
                       message->hello_reply.oops_count);
                return;
        case WORKER_FILESYSTEM:
                print_filesystem(&message->filesystem, fd);
                return;
        case WORKER_MOUNT_ADDED:
        case WORKER_MOUNT_GONE:
                printf("%s %u:%u id=%" PRIu64 " %s %s %s\n", worker_message_type_to_name(message->header.type),
                       major(mount->device_number), minor(mount->device_number), mount->mount_id,
                       mount->is_read_only ? "ro" : "rw", mount->is_whole ? "whole" : "part", mount->mount_point);
                return;
        case WORKER_JOB_STARTED:
                printf("job-started %" PRIu64 " %s\n", result->job_id, result->detail);
                return;
        case WORKER_JOB_RESULT:
                printf("job-result %" PRIu64 " %s verified=%u error=%d flags=0x%x usec=%" PRIu64 " %s\n",
                       result->job_id, outcome_to_name(result->outcome), result->was_verified, result->error,
                       result->flags, result->duration_usec, result->detail);
                return;
        case WORKER_GATHERED:
                printf("gathered %" PRIu64 " autofsck=%s/%s/%d path=%u/%s/%d read-only=%u "
                       "owner=%u/%d %u/%u/%s %u/%u/%s project=%u/%d/%u\n",
                       message->gathered.request_id,
                       message->gathered.autofsck_state == FACT_KNOWN ? "known" : "unknown",
                       autofsck_to_name(message->gathered.autofsck), message->gathered.autofsck_error,
                       message->gathered.path_state, message->gathered.path, message->gathered.path_error,
                       message->gathered.is_read_only, owner->state, owner->error, owner->user.number,
                       owner->user.name_state, owner->user.name, owner->group.number, owner->group.name_state,
                       owner->group.name, owner->project_state, owner->project_error, owner->project);
                return;
        case WORKER_INTENT_LEFT:
                printf("intent-left %" PRIu64 " %s ban=%u running=%u pid=%d kernel=%s\n", message->intent.job_id,
                       structure_to_name(message->intent.target.structure), message->intent.is_ban,
                       message->intent.is_running, message->intent.pid, message->intent.kernel_release);
                return;
        case WORKER_SURVEY_RESULT:
                print_survey(&message->survey_result);
                return;
        case WORKER_JOB_PROGRESS:
                printf("job-progress %" PRIu64 " phase=%u percent=%u\n", message->progress.job_id,
                       message->progress.phase, message->progress.percent);
                return;
        case WORKER_SCAN:
                printf("scan %u:%u %s %s %s %s\n", major(message->scan.device_number),
                       minor(message->scan.device_number), message->scan.is_running ? "running" : "ended",
                       outcome_to_name(message->scan.outcome), message->scan.unit, message->scan.detail);
                return;
        case WORKER_POWER:
                printf("power %s\n", message->power.is_on_battery ? "battery" : "mains");
                return;
        case WORKER_ZONE:
                printf("zone %s%s\n", message->zone.name, fd >= 0 ? " +file" : "");
                return;
        case WORKER_USER:
                print_user(&message->user);
                return;
        case WORKER_USERS_END:
                print_users_end(&message->users_end);
                return;
        case WORKER_WORKLOAD:
                client_print_workload(&message->workload);
                return;
        case WORKER_AUTOFSCK:
                printf("autofsck %u:%u %s %d\n", major(message->autofsck_set.device_number),
                       minor(message->autofsck_set.device_number),
                       autofsck_to_name((Autofsck) message->autofsck_set.autofsck), message->autofsck_set.error);
                return;
        case WORKER_HOLD:
                client_print_hold(&message->hold);
                return;
        case WORKER_HOOK:
                printf("hook %" PRIu64 " %s %s %s\n", message->hook.job_id, message->hook.name,
                       outcome_to_name(message->hook.outcome), message->hook.detail);
                return;
        case WORKER_HELLO:
        case WORKER_HELD:
        case WORKER_HELD_END:
        case WORKER_RELEASED:
        case WORKER_REPAIR:
        case WORKER_SCRUB:
        case WORKER_GATHER:
        case WORKER_CANCEL:
        case WORKER_JOB_TAKEN:
        case WORKER_SURVEY:
        case WORKER_SURVEY_CANCEL:
        case WORKER_START_UNIT:
        case WORKER_LIST_USERS:
        case WORKER_FAIL:
        case WORKER_SHUTDOWN:
        case WORKER_UNHOLD:
        case WORKER_RECYCLE:
        case WORKER_START_AGAIN:
        case WORKER_HOOKS:
        case WORKER_SET_AUTOFSCK:
        case WORKER_MOUNTS_LISTED:
                break;
        }

        printf("%s\n", worker_message_type_to_name(message->header.type));
}

static void take_message(void) {
        WorkerMessage message;
        int fd = -EBADF, r;

        r = worker_message_receive(line_fd, &message, &fd);
        if (r == -EAGAIN)
                return;
        if (r < 0) {
                printf("end %s\n", strerror(-r));
                exit(EXIT_SUCCESS);
        }

        print_message(&message, fd);
        if (fd >= 0 && n_held < MONITORS_MAX)
                held[n_held++] = (Held) { message.filesystem.device_number, fd };
}

static void read_monitor(size_t i) {
        static uint8_t buffer[HEALTH_MONITOR_READ_BYTES];
        ssize_t length = health_monitor_read(held[i].fd, buffer, sizeof(buffer));

        if (length > 0)
                printf("records %u:%u %zd\n", major(held[i].device_number), minor(held[i].device_number),
                       length / HEALTH_RECORD_SIZE);
        else if (length != -EAGAIN)
                drop_monitor(i);
}

static uint64_t parse_device(const char *text) {
        unsigned major_number = 0, minor_number = 0;

        (void) sscanf(text, "%u:%u", &major_number, &minor_number);
        return makedev(major_number, minor_number);
}

/* Its message is what the order ends in. An open file in the place of the payload is none. */
static void order_unit(const char *order, bool has_payload) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        WorkerMessage message = prepare(WORKER_START_UNIT);
        UnitPayload payload = { .data = { "", "/one\0/two" }, .size_bytes = { 0, sizeof("/one\0/two") } };
        uint64_t seconds = 0;
        int length = 0;

        (void) sscanf(order, "%*s %" SCNu64 " %255s %" SCNu64 " %n", &message.unit.job_id, message.unit.template,
                      &seconds, &length);
        payload.data[UNIT_FILE_MESSAGE] = order + length;
        payload.size_bytes[UNIT_FILE_MESSAGE] = strlen(order + length);
        message.unit.timeout_usec = seconds * USEC_PER_SEC;
        (void) text_copy(message.unit.last_words, sizeof(message.unit.last_words), "the test's last words");
        if (has_payload && unit_payload_make(&payload, &fd) < 0)
                exit(EXIT_FAILURE);
        say(&message, has_payload ? fd : STDIN_FILENO);
}

/* "recycle MAJ:MIN JOB SECONDS UNIT..." */
static void order_recycle(char *order, WorkerMessageType type) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        _cleanup_(close_fd_at) int fd = -EBADF;
        WorkerMessage message = prepare(type);
        char *rest = NULL, device[32] = "";
        uint64_t seconds = 0;
        unsigned i = 0;

        (void) sscanf(order, "%*s %31s %" SCNu64 " %" SCNu64, device, &message.recycle.job_id, &seconds);
        message.recycle.device_number = parse_device(device);
        message.recycle.timeout_usec = seconds * USEC_PER_SEC;
        for (const char *word = strtok_r(order, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                Workload workload = { .user = WORKLOAD_USER_NONE };

                if (i++ < 4)
                        continue;
                (void) text_copy(workload.unit, sizeof(workload.unit), word);
                if (workload_plan_add(&plan, &(PlanUser) { .kind = USER_PROCESS, .name = "", .uses = USE_OPEN,
                                                           .workload = &workload }) < 0)
                        exit(EXIT_FAILURE);
        }
        for (size_t j = 0; j < plan.n_workloads; j++)
                plan.workloads[j].is_taken = true;
        if (workload_list_make(&plan, &fd) < 0)
                exit(EXIT_FAILURE);
        say(&message, fd);
}

static void order_fail(char *order) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        WorkerMessage message = prepare(WORKER_FAIL);
        char device[32] = "";
        int length = 0;

        (void) sscanf(order, "%*s %31s %" SCNu64 " %n", device, &message.fail.job_id, &length);
        message.fail.event_id = message.fail.job_id;
        message.fail.device_number = parse_device(device);
        message.fail.timeout_usec = JOB_TIMEOUT_USEC;
        fd = client_read_fail(order + length, &message.fail);
        if (fd == -EINVAL)
                printf("no such word\n");
        else
                say(&message, fd);
}

static void order_shutdown(const char *order) {
        WorkerMessage message = prepare(WORKER_SHUTDOWN);
        char device[32] = "";
        int fd;

        (void) sscanf(order, "%*s %31s %" SCNu64, device, &message.shutdown.job_id);
        message.shutdown.device_number = parse_device(device);
        message.shutdown.timeout_usec = JOB_TIMEOUT_USEC;
        fd = find_monitor(message.shutdown.device_number);
        say(&message, fd >= 0 && health_monitor_fd_is_monitor(fd) ? fd : -EBADF);
}

static void obey(char *order) {
        char verb[16] = "", device[32] = "", domain_name[16] = "", structure_name[24] = "", override[64] = "";
        uint64_t job_id = 0, inode = 0;
        uint32_t group = 0, generation = 0;
        WorkerMessage message;
        EventDomain domain;

        (void) sscanf(order, "%15s", verb);
        if (text_equal(verb, "quit"))
                exit(EXIT_SUCCESS);

        if (text_equal(verb, "junk")) {
                (void) !send(line_fd, "nonsens", 7, MSG_NOSIGNAL);
        } else if (text_equal(verb, "false-held")) {
                message = prepare(WORKER_HELD);
                say(&message, STDIN_FILENO);
        } else if (text_equal(verb, "gather") || text_equal(verb, "whose")) {
                static uint64_t request_id;

                (void) sscanf(order, "%*s %31s %" SCNu64 " %" SCNu32, device, &inode, &generation);
                message = prepare(WORKER_GATHER);
                message.gather.request_id = ++request_id;
                message.gather.device_number = parse_device(device);
                message.gather.inode = inode;
                message.gather.generation = generation;
                message.gather.wants_path = inode != 0 && text_equal(verb, "gather");
                message.gather.wants_owner = message.gather.wants_project = text_equal(verb, "whose");
                say(&message, find_monitor(message.gather.device_number));
        } else if (text_equal(verb, "repair") || text_equal(verb, "expecting")) {
                (void) sscanf(order, "%*s %31s %" SCNu64 " %15s %23s %" SCNu32 " %" SCNu64 " %" SCNu32 " %63s",
                              device, &job_id, domain_name, structure_name, &group, &inode, &generation,
                              override);
                message = prepare(WORKER_REPAIR);
                if (event_domain_from_name(domain_name, &domain) < 0 ||
                    structure_from_name(domain, structure_name, &message.repair.target.structure) < 0) {
                        printf("no such structure\n");
                        return;
                }
                message.repair.job_id = job_id;
                message.repair.event_id = job_id;
                message.repair.device_number = parse_device(device);
                message.repair.timeout_usec = JOB_TIMEOUT_USEC;
                message.repair.target.group = group;
                message.repair.target.inode = inode;
                message.repair.target.generation = generation;
                /* Of such an order the last word is what the property has to be. */
                message.repair.expects_autofsck = text_equal(verb, "expecting");
                if (message.repair.expects_autofsck) {
                        Autofsck autofsck;

                        if (autofsck_from_name(override, &autofsck) >= 0)
                                message.repair.autofsck = (uint8_t) autofsck;
                } else {
                        (void) text_copy(message.repair.override_harmful, sizeof(message.repair.override_harmful),
                                         override);
                }
                say(&message, find_monitor(message.repair.device_number));
        } else if (text_equal(verb, "scrub")) {
                (void) sscanf(order, "%*s %31s %" SCNu64 " %15s", device, &job_id, domain_name);
                message = prepare(WORKER_SCRUB);
                message.scrub.job_id = job_id;
                message.scrub.device_number = parse_device(device);
                message.scrub.timeout_usec = JOB_TIMEOUT_USEC;
                message.scrub.may_repair = text_equal(domain_name, "may-repair");
                say(&message, find_monitor(message.scrub.device_number));
        } else if (text_equal(verb, "survey")) {
                (void) sscanf(order, "%*s %31s %15s %" SCNu64, device, domain_name, &job_id);
                message = prepare(WORKER_SURVEY);
                message.survey.request_id = job_id;
                message.survey.device_number = parse_device(device);
                message.survey.timeout_usec = JOB_TIMEOUT_USEC;
                message.survey.depth = text_equal(domain_name, "inodes") ? SURVEY_INODES : SURVEY_GROUPS;
                say(&message, find_monitor(message.survey.device_number));
        } else if (text_equal(verb, "users")) {
                (void) sscanf(order, "%*s %31s %" SCNu64 " %" SCNu64, device, &job_id, &inode);
                message = prepare(WORKER_LIST_USERS);
                message.users.request_id = job_id;
                message.users.device_number = parse_device(device);
                message.users.inode = inode;
                say(&message, -EBADF);
        } else if (text_equal(verb, "unit") || text_equal(verb, "unit-bare")) {
                order_unit(order, text_equal(verb, "unit"));
        } else if (text_equal(verb, "recycle") || text_equal(verb, "start-again")) {
                order_recycle(order, text_equal(verb, "recycle") ? WORKER_RECYCLE : WORKER_START_AGAIN);
        } else if (text_equal(verb, "fail")) {
                order_fail(order);
        } else if (text_equal(verb, "shutdown")) {
                order_shutdown(order);
        } else if (text_equal(verb, "unhold")) {
                message = prepare(WORKER_UNHOLD);
                (void) sscanf(order, "%*s %255s", message.hold.unit);
                say(&message, -EBADF);
        } else if (text_equal(verb, "survey-cancel")) {
                (void) sscanf(order, "%*s %" SCNu64, &job_id);
                message = prepare(WORKER_SURVEY_CANCEL);
                message.survey_cancel.request_id = job_id;
                say(&message, -EBADF);
        } else if (text_equal(verb, "cancel") || text_equal(verb, "taken")) {
                (void) sscanf(order, "%*s %" SCNu64, &job_id);
                message = prepare(text_equal(verb, "cancel") ? WORKER_CANCEL : WORKER_JOB_TAKEN);
                message.cancel.job_id = job_id;
                say(&message, -EBADF);
        } else if (text_equal(verb, "release")) {
                (void) sscanf(order, "%*s %31s", device);
                for (size_t i = n_held; i-- > 0;)
                        if (held[i].device_number == parse_device(device))
                                drop_monitor(i);
        } else {
                printf("what? %s\n", order);
        }
}

static void take_orders(void) {
        static char buffer[4096];
        static size_t length;
        ssize_t n = read(STDIN_FILENO, buffer + length, sizeof(buffer) - length - 1);
        char *end;

        if (n <= 0)
                exit(EXIT_SUCCESS);
        length += n;
        buffer[length] = 0;

        while ((end = strchr(buffer, '\n'))) {
                *end = 0;
                obey(buffer);
                length -= end + 1 - buffer;
                memmove(buffer, end + 1, length + 1);
        }
}

static int connect_to(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0);

        if (fd < 0 || text_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
                return -EINVAL;
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        return fd;
}

/* As a healerd that found them in systemd's store. */
static void hold(const char *mount_point) {
        _cleanup_(close_fd_at) int root_fd = filesystem_open_root(mount_point, 0);
        WorkerMessage message = prepare(WORKER_HELD);
        struct stat status;
        int fd;

        if (root_fd < 0 || fstat(root_fd, &status) < 0 || n_held == MONITORS_MAX) {
                fprintf(stderr, "%s: cannot open\n", mount_point);
                exit(EXIT_FAILURE);
        }
        fd = health_monitor_open(root_fd);
        if (fd < 0) {
                fprintf(stderr, "%s: %s\n", mount_point, strerror(-fd));
                exit(EXIT_FAILURE);
        }

        held[n_held++] = (Held) { status.st_dev, fd };
        message.held.device_number = status.st_dev;
        say(&message, fd);
}

int main(int argc, char *argv[]) {
        WorkerMessage message;

        if (argc < 2) {
                fprintf(stderr, "worker-client SOCKET [MOUNT-POINT]...\n");
                return EXIT_FAILURE;
        }
        line_fd = connect_to(argv[1]);
        if (line_fd < 0) {
                fprintf(stderr, "%s: %s\n", argv[1], strerror(-line_fd));
                return EXIT_FAILURE;
        }

        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        message = prepare(WORKER_HELLO);
        (void) text_copy(message.hello.program_version, sizeof(message.hello.program_version), "test");
        say(&message, -EBADF);
        for (int i = 2; i < argc; i++)
                hold(argv[i]);
        message = prepare(WORKER_HELD_END);
        say(&message, -EBADF);

        for (;;) {
                struct pollfd polls[MONITORS_MAX + 2] = {
                        { .fd = line_fd, .events = POLLIN },
                        { .fd = STDIN_FILENO, .events = POLLIN },
                };
                size_t n = n_held;

                for (size_t i = 0; i < n; i++)
                        polls[i + 2] = (struct pollfd) { .fd = held[i].fd, .events = POLLIN };
                if (poll(polls, n + 2, -1) < 0)
                        return EXIT_FAILURE;

                for (size_t i = n; i-- > 0;)
                        if (polls[i + 2].revents)
                                read_monitor(i);
                if (polls[1].revents)
                        take_orders();
                if (polls[0].revents)
                        take_message();
        }
}
