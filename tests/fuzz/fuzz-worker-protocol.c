/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever the other side of the worker's line sends: what passes the check is safe to use without another
 * look, and travels on unchanged.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/protocol/worker-protocol.h"
#include "tests/fuzz/fuzz-target.h"

static bool is_text(const char *text, size_t size_bytes) {
        return memchr(text, 0, size_bytes);
}

static void require_usable(const WorkerMessage *message) {
        switch ((WorkerMessageType) message->header.type) {
        case WORKER_HELLO:
                require(is_text(message->hello.program_version, sizeof(message->hello.program_version)));
                break;
        case WORKER_FILESYSTEM:
                require(monitor_state_to_name(message->filesystem.monitor_state));
                require(autofsck_to_name(message->filesystem.autofsck));
                require(is_text(message->filesystem.label, sizeof(message->filesystem.label)));
                require(is_text(message->filesystem.device, sizeof(message->filesystem.device)));
                require(message->filesystem.n_disks <= FILESYSTEM_DISKS_MAX);
                require(message->filesystem.error >= 0 && message->filesystem.holder_pid >= 0);
                break;
        case WORKER_MOUNT_ADDED:
        case WORKER_MOUNT_GONE:
                require(is_text(message->mount.mount_point, sizeof(message->mount.mount_point)));
                break;
        case WORKER_REPAIR:
                require(message->repair.target.structure < N_STRUCTURES);
                require(is_text(message->repair.override_harmful, sizeof(message->repair.override_harmful)));
                break;
        case WORKER_JOB_STARTED:
        case WORKER_JOB_RESULT:
                require(outcome_to_name(message->result.outcome) && message->result.error >= 0);
                require(is_text(message->result.detail, sizeof(message->result.detail)));
                require(is_text(message->result.path, sizeof(message->result.path)));
                require(message->result.boot_check < N_BOOT_CHECKS);
                break;
        case WORKER_GATHERED:
                require(is_text(message->gathered.path, sizeof(message->gathered.path)));
                break;
        case WORKER_INTENT_LEFT:
                require(message->intent.target.structure < N_STRUCTURES && message->intent.pid >= 0);
                break;
        case WORKER_SURVEY:
                require(message->survey.request_id != 0 && message->survey.depth != SURVEY_NONE);
                require(survey_depth_to_name((SurveyDepth) message->survey.depth));
                break;
        case WORKER_SURVEY_RESULT:
                require(message->survey_result.error >= 0 && message->survey_result.n_findings <= SURVEY_FINDINGS_MAX);
                for (uint32_t i = 0; i < message->survey_result.n_findings; i++)
                        require(event_domain_to_name((EventDomain) message->survey_result.findings[i].domain) &&
                                structure_to_name((Structure) message->survey_result.findings[i].structure));
                break;
        case WORKER_ZONE:
                require(is_text(message->zone.name, sizeof(message->zone.name)));
                break;
        case WORKER_JOB_PROGRESS:
                require(message->progress.percent <= 100);
                break;
        case WORKER_SCAN:
                require(outcome_to_name(message->scan.outcome));
                require(is_text(message->scan.unit, sizeof(message->scan.unit)));
                require(is_text(message->scan.detail, sizeof(message->scan.detail)));
                break;
        case WORKER_POWER:
                require(message->power.is_on_battery <= 1);
                break;
        case WORKER_START_UNIT:
                require(message->unit.job_id != 0);
                require(is_text(message->unit.template, sizeof(message->unit.template)));
                require(is_text(message->unit.last_words, sizeof(message->unit.last_words)));
                break;
        case WORKER_LIST_USERS:
                require(message->users.request_id != 0);
                break;
        case WORKER_FAIL:
                require(message->fail.job_id != 0 && workload_scope_is_valid(&message->fail.scope));
                require(is_text(message->fail.rule_id, sizeof(message->fail.rule_id)));
                break;
        case WORKER_SHUTDOWN:
                require(message->shutdown.job_id != 0);
                break;
        case WORKER_RECYCLE:
        case WORKER_START_AGAIN:
                require(message->recycle.job_id != 0);
                break;
        case WORKER_WORKLOAD:
                require(workload_fate_to_name((WorkloadFate) message->workload.fate));
                require(is_text(message->workload.unit, sizeof(message->workload.unit)));
                require(is_text(message->workload.detail, sizeof(message->workload.detail)));
                break;
        case WORKER_HOOKS:
                require(message->hooks.job_id != 0 && message->hooks.timeout_usec != 0);
                require(action_kind_to_name((ActionKind) message->hooks.action));
                require(is_text(message->hooks.rule_id, sizeof(message->hooks.rule_id)));
                break;
        case WORKER_HOOK:
                require(outcome_to_name(message->hook.outcome));
                require(is_text(message->hook.name, sizeof(message->hook.name)));
                require(is_text(message->hook.detail, sizeof(message->hook.detail)));
                break;
        case WORKER_UNHOLD:
        case WORKER_HOLD:
                require(is_text(message->hold.unit, sizeof(message->hold.unit)));
                break;
        case WORKER_USER:
                require(user_kind_to_name((UserKind) message->user.kind) && message->user.pid >= 0);
                require(container_runtime_to_name((ContainerRuntime) message->user.runtime));
                require(message->user.uses <= USER_USES_ALL);
                require(is_text(message->user.name, sizeof(message->user.name)));
                require(is_text(message->user.detail, sizeof(message->user.detail)));
                require(is_text(message->user.unit, sizeof(message->user.unit)));
                require(is_text(message->user.cgroup, sizeof(message->user.cgroup)));
                require(is_text(message->user.account, sizeof(message->user.account)));
                require(is_text(message->user.spared_because, sizeof(message->user.spared_because)));
                break;
        case WORKER_USERS_END:
                require(message->users_end.error >= 0);
                break;
        case WORKER_SET_AUTOFSCK:
                require(autofsck_to_name((Autofsck) message->set_autofsck.autofsck));
                break;
        case WORKER_AUTOFSCK:
                require(autofsck_to_name((Autofsck) message->autofsck_set.autofsck));
                require(message->autofsck_set.error >= 0);
                break;
        case WORKER_HELLO_REPLY:
                require(is_text(message->hello_reply.kernel_release, sizeof(message->hello_reply.kernel_release)));
                break;
        case WORKER_HELD:
        case WORKER_HELD_END:
        case WORKER_RELEASED:
        case WORKER_SCRUB:
        case WORKER_GATHER:
        case WORKER_CANCEL:
        case WORKER_JOB_TAKEN:
        case WORKER_SURVEY_CANCEL:
        case WORKER_MOUNTS_LISTED:
                break;
        }
        require(worker_message_type_to_name(message->header.type));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        WorkerMessage sent = {}, received;
        int fds[2], fd = -1, r;

        if (size > sizeof(sent))
                return 0;
        memcpy(&sent, data, size);
        r = worker_message_check(&sent, size);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r == 0)
                require_usable(&sent);

        if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) < 0)
                return 0;
        if (size > 0 && send(fds[0], &sent, size, MSG_DONTWAIT|MSG_NOSIGNAL) == (ssize_t) size) {
                require(worker_message_receive(fds[1], &received, &fd) == r);
                if (r == 0)
                        require(memcmp(&sent, &received, size) == 0);
        }
        (void) close(fds[0]);
        (void) close(fds[1]);
        return 0;
}
