/* Long connections (real-time and manual thermometry), their settings, and the pass-through of ISAPI documents.
 *
 * A manual rule measures 20 + 60 x + 20 y °C at a place, 100 more for each 1.0 the emissivity is below 1, and 0.01 for each metre. */
#include "standin.h"

#define RULES 10
enum { UPLOADS = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static NET_SDK_MANUALTHERM_RULE manual[RULES + 1];
static NET_SDK_MANUALTHERM_BASICPARAM basic = {.dwSize = sizeof basic, .wDistance = 5, .fEmissivity = 0.96F};
static bool basic_known = true;
static char *uploads[UPLOADS];
static long period = 20;
static BYTE unit;
typedef int (*Documents)(const char *request, const char *body, DWORD length, char *out, DWORD room, DWORD *size);
static Documents documents;

static void deliver(void *owner, Job *job) {
    Handle *handle = owner;
    RemoteConfigCB callback = (RemoteConfigCB)handle->callback;
    void *data = job->block != NULL ? job->block : job->as_is;
    if (callback != NULL) callback(job->kind, data, job->length, handle->context);
}

static void push_status(Handle *handle, DWORD status, DWORD code, DWORD length) {
    DWORD *block = calloc(2, sizeof *block);
    block[0] = status;
    if (length >= 8) block[1] = code;
    worker_push(&handle->worker, STATUS, (char *)block, 2 * sizeof *block, length, NULL);
}

static float in_unit(float celsius) {
    return unit == 0 ? celsius : unit == 1 ? celsius * 9 / 5 + 32 : celsius + 273.15F;
}

static float scene(NET_VCA_POINT at) {
    return 20 + 60 * at.fX + 20 * at.fY + 100 * (1 - basic.fEmissivity) + 0.01F * basic.wDistance;
}

static void tell_manual(Handle *handle, NET_SDK_MANUALTHERM_RULE *rule, BYTE what) {
    NET_SDK_MANUAL_THERMOMETRY *told = calloc(1, sizeof *told);
    told->dwSize = sizeof *told;
    told->dwChannel = (DWORD)handle->channel;
    told->dwAbsTime = 26U << 26 | 3U << 22 | 1U << 17 | 12U << 12 | 30U << 6 | 15U; /* 2026-03-01 12:30:15 */
    told->byThermometryUnit = unit;
    told->byDataType = what;
    told->struRuleInfo = *rule;
    NET_SDK_MANUALTHERM_RULE *out = &told->struRuleInfo;
    if (rule->byRuleCalibType == 0) {
        out->struPointTherm.fPointTemperature = in_unit(scene(rule->struPointTherm.struPoint));
    } else {
        float highest = -1e9F, lowest = 1e9F, sum = 0;
        DWORD count = rule->struRegionTherm.struRegion.dwPointNum;
        for (DWORD i = 0; i < count && i < 10; i++) {
            float value = in_unit(scene(rule->struRegionTherm.struRegion.struPos[i]));
            highest = value > highest ? value : highest;
            lowest = value < lowest ? value : lowest;
            sum += value;
        }
        out->struRegionTherm.fMaxTemperature = highest;
        out->struRegionTherm.fMinTemperature = lowest;
        out->struRegionTherm.fAverageTemperature = count > 0 ? sum / (float)count : 0;
        out->struRegionTherm.fTemperatureDiff = highest - lowest;
    }
    worker_push(&handle->worker, DATA, (char *)told, sizeof *told, sizeof *told, NULL);
}

static bool tick(void *owner) {
    Handle *handle = owner;
    pthread_mutex_lock(&lock);
    if (handle->command == GET_MANUALTHERM_INFO) {
        for (BYTE id = 1; id <= RULES; id++)
            if (manual[id].byEnable && (handle->rule == 0 || handle->rule == id)) tell_manual(handle, &manual[id], handle->rounds == 0);
    } else {
        for (int i = 0; i < UPLOADS; i++) {
            DWORD kind;
            size_t size;
            char *block = uploads[i] == NULL ? NULL : build(uploads[i], &kind, &size);
            if (block != NULL) worker_push(&handle->worker, DATA, block, size, (DWORD)size, NULL);
        }
    }
    handle->rounds++;
    pthread_mutex_unlock(&lock);
    return true;
}

EXPORT LONG NET_DVR_StartRemoteConfig(LONG user, DWORD command, void *in, DWORD length, RemoteConfigCB callback, void *context) {
    NET_DVR_REALTIME_THERMOMETRY_COND *condition = in;
    CALL(-1, "%d %u dwChan=%u byRuleID=%u byMode=%u", user, command, in == NULL ? 0 : condition->dwChan,
         in == NULL ? 0 : condition->byRuleID, in == NULL ? 0 : condition->byMode);
    REFUSE(user < 0, PARAMETER_ERROR, -1);
    User *found = user_of(user);
    if (found == NULL) return -1;
    REFUSE(found->mode == 1, NOSUPPORT, 0); /* 0, not -1: as seen */
    REFUSE(command != GET_REALTIME_THERMOMETRY && command != GET_MANUALTHERM_INFO, NOSUPPORT, -1);
    REFUSE(in == NULL || length < sizeof *condition || condition->dwSize != sizeof *condition, PARAMETER_ERROR, -1);
    Handle *handle = take_handle(&remotes, user);
    if (handle == NULL) return -1;
    handle->command = command;
    handle->callback = (void *)callback;
    handle->context = context;
    handle->channel = (LONG)condition->dwChan;
    handle->rule = condition->byRuleID;
    worker_start(&handle->worker, handle, deliver, tick, period);
    push_status(handle, 1001, 0, 4);
    worker_settle(&handle->worker, 2000);
    return handle->number;
}

EXPORT BOOL NET_DVR_StopRemoteConfig(LONG number) {
    CALL(0, "%d", number);
    Handle *handle = handle_of(&remotes, number);
    if (handle == NULL) return 0;
    give_back(handle);
    return 1;
}

static LONG channel_of(const NET_DVR_STD_CONFIG *config) {
    if (config->lpCondBuffer == NULL || config->dwCondSize != sizeof(LONG)) return -1;
    return *(LONG *)config->lpCondBuffer;
}

EXPORT BOOL NET_DVR_GetSTDConfig(LONG user, DWORD command, NET_DVR_STD_CONFIG *config) {
    CALL(0, "%d %u", user, command);
    REFUSE(config == NULL, PARAMETER_ERROR, 0);
    User *found = user_of(user);
    if (found == NULL) return 0;
    REFUSE(found->mode == 1, PARAMETER_ERROR, 0);
    REFUSE(channel_of(config) < 1 || config->lpOutBuffer == NULL, PARAMETER_ERROR, 0);
    REFUSE(command != GET_MANUALTHERM_BASICPARAM || !basic_known, NOSUPPORT, 0);
    REFUSE(config->dwOutSize < sizeof basic, NOENOUGH_BUF, 0);
    pthread_mutex_lock(&lock);
    memcpy(config->lpOutBuffer, &basic, sizeof basic);
    pthread_mutex_unlock(&lock);
    return 1;
}

EXPORT BOOL NET_DVR_SetSTDConfig(LONG user, DWORD command, NET_DVR_STD_CONFIG *config) {
    NET_SDK_MANUAL_THERMOMETRY *rule = config == NULL ? NULL : config->lpInBuffer;
    NET_SDK_MANUALTHERM_BASICPARAM *wanted = config == NULL ? NULL : config->lpInBuffer;
    if (command == SET_MANUALTHERM && rule != NULL && config->dwInSize == sizeof *rule)
        CALL(0, "%d %u rule=%u enable=%u", user, command, rule->struRuleInfo.byRuleID, rule->struRuleInfo.byEnable);
    else if (command == SET_MANUALTHERM_BASICPARAM && wanted != NULL && config->dwInSize == sizeof *wanted)
        CALL(0, "%d %u distance=%u unit=%u emissivity=%.3f", user, command, wanted->wDistance, wanted->byDistanceUnit, wanted->fEmissivity);
    else
        CALL(0, "%d %u", user, command);
    REFUSE(config == NULL, PARAMETER_ERROR, 0);
    User *found = user_of(user);
    if (found == NULL) return 0;
    REFUSE(found->mode == 1, PARAMETER_ERROR, 0);
    REFUSE(channel_of(config) < 1 || config->lpInBuffer == NULL, PARAMETER_ERROR, 0);
    if (command == SET_MANUALTHERM_BASICPARAM) {
        REFUSE(config->dwInSize != sizeof basic || wanted->dwSize != sizeof basic, PARAMETER_ERROR, 0);
        REFUSE(!(wanted->fEmissivity >= 0.01F && wanted->fEmissivity <= 1) || wanted->wDistance > 10000, PARAMETER_ERROR, 0);
        pthread_mutex_lock(&lock);
        basic = *wanted;
        pthread_mutex_unlock(&lock);
        return 1;
    }
    REFUSE(command != SET_MANUALTHERM, NOSUPPORT, 0);
    REFUSE(config->dwInSize != sizeof *rule || rule->dwSize != sizeof *rule, PARAMETER_ERROR, 0);
    BYTE id = rule->struRuleInfo.byRuleID;
    REFUSE(id < 1 || id > RULES, PARAMETER_ERROR, 0);
    pthread_mutex_lock(&lock);
    manual[id] = rule->struRuleInfo;
    pthread_mutex_unlock(&lock);
    return 1;
}

EXPORT BOOL NET_DVR_STDControl(LONG user, DWORD command, NET_DVR_STD_CONTROL *control) {
    NET_DVR_REALTIME_THERMOMETRY_COND *condition = control == NULL ? NULL : control->lpCondBuffer;
    CALL(0, "%d %u rule=%u", user, command, condition == NULL ? 0 : condition->byRuleID);
    REFUSE(control == NULL, PARAMETER_ERROR, 0);
    User *found = user_of(user);
    if (found == NULL) return 0;
    REFUSE(command != DEL_MANUALTHERM_RULE, NOSUPPORT, 0);
    REFUSE(condition == NULL || control->dwCondSize != sizeof *condition || condition->dwSize != sizeof *condition, PARAMETER_ERROR, 0);
    REFUSE(condition->byRuleID > RULES, PARAMETER_ERROR, 0);
    pthread_mutex_lock(&lock);
    memset(&manual[condition->byRuleID], 0, sizeof manual[0]);
    pthread_mutex_unlock(&lock);
    return 1;
}

static const char not_supported[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ResponseStatus version=\"2.0\" xmlns=\"http://www.isapi.org/ver20/XMLSchema\">"
    "<requestURL></requestURL><statusCode>4</statusCode><statusString>Invalid Operation</statusString>"
    "<subStatusCode>notSupport</subStatusCode></ResponseStatus>";

EXPORT BOOL NET_DVR_STDXMLConfig(LONG user, NET_DVR_XML_CONFIG_INPUT *in, NET_DVR_XML_CONFIG_OUTPUT *out) {
    const char *url = in == NULL || in->lpRequestUrl == NULL ? "" : in->lpRequestUrl;
    int length = in == NULL || in->lpRequestUrl == NULL ? 0 : (int)in->dwRequestUrlLen;
    CALL(0, "%d %.*s", user, length, url);
    REFUSE(in == NULL || out == NULL || length == 0, PARAMETER_ERROR, 0);
    REFUSE(in->dwSize != sizeof *in || out->dwSize != sizeof *out, PARAMETER_ERROR, 0);
    if (user_of(user) == NULL) return 0;
    char request[512];
    DWORD room = 4 << 20, size = 0;
    snprintf(request, sizeof request, "%.*s", length, url);
    request[strcspn(request, "\r\n")] = 0;
    char *answer = malloc(room);
    int status = documents == NULL ? 0 : documents(request, in->lpInBuffer, in->dwInBufferSize, answer, room, &size);
    if (status == 0) {
        size = sizeof not_supported - 1;
        memcpy(answer, not_supported, size);
        status = 403;
    }
    bool fits = out->lpOutBuffer != NULL && size < out->dwOutBufferSize;
    if (fits) {
        memcpy(out->lpOutBuffer, answer, size);
        ((char *)out->lpOutBuffer)[size] = 0;
        out->dwReturnedXMLSize = size;
    }
    if (status >= 400 && out->lpStatusBuffer != NULL && size < out->dwStatusSize) memcpy(out->lpStatusBuffer, answer, size);
    free(answer);
    REFUSE(!fits, NOENOUGH_BUF, 0);
    REFUSE(status >= 400, NOSUPPORT, 0);
    return 1;
}

/* -- what tests do ---------------------------------------------------------------------------------------------------- */

/* What 3629 sends at every turn: up to eight of them, NULL for none. */
EXPORT void fake_upload(int index, const char *text) {
    pthread_mutex_lock(&lock);
    free(uploads[index]);
    uploads[index] = text == NULL ? NULL : strdup(text);
    pthread_mutex_unlock(&lock);
}

EXPORT int fake_data(LONG number, const char *text, DWORD length) {
    Handle *handle = handle_of(&remotes, number);
    DWORD kind;
    size_t size;
    char *block = handle == NULL ? NULL : build(text, &kind, &size);
    if (block == NULL) return 0;
    worker_push(&handle->worker, DATA, block, size, length > 0 ? length : (DWORD)size, NULL);
    return 1;
}

EXPORT void fake_status(LONG number, DWORD status, DWORD code, DWORD length) {
    Handle *handle = handle_of(&remotes, number);
    if (handle != NULL) push_status(handle, status, code, length);
}

/* The status as the pointer itself, as some session types of the real library do. */
EXPORT void fake_status_as_pointer(LONG number, DWORD status) {
    Handle *handle = handle_of(&remotes, number);
    if (handle != NULL) worker_push(&handle->worker, STATUS, NULL, 0, 4, (void *)(uintptr_t)status);
}

EXPORT void fake_thermometry(int wanted_unit, long milliseconds, int with_basic) {
    unit = (BYTE)wanted_unit;
    period = milliseconds;
    basic_known = with_basic != 0;
}

/* The user's own manual rule, which nobody may touch. */
EXPORT void fake_manual_rule(int id, float x, float y) {
    pthread_mutex_lock(&lock);
    memset(&manual[id], 0, sizeof manual[id]);
    manual[id].byRuleID = (BYTE)id;
    manual[id].byEnable = 1;
    manual[id].struPointTherm.struPoint = (NET_VCA_POINT){x, y};
    pthread_mutex_unlock(&lock);
}

/* Rules in force as a bit set: bit 3 is rule 3. */
EXPORT int fake_manual_rules(void) {
    int found = 0;
    pthread_mutex_lock(&lock);
    for (int id = 1; id <= RULES; id++) found |= manual[id].byEnable ? 1 << id : 0;
    pthread_mutex_unlock(&lock);
    return found;
}

EXPORT float fake_emissivity(void) { return basic.fEmissivity; }

EXPORT void fake_documents(Documents function) { documents = function; }

EXPORT void fake_forget_thermometry(void) {
    pthread_mutex_lock(&lock);
    memset(manual, 0, sizeof manual);
    basic = (NET_SDK_MANUALTHERM_BASICPARAM){.dwSize = sizeof basic, .wDistance = 5, .fEmissivity = 0.96F};
    for (int i = 0; i < UPLOADS; i++) {
        free(uploads[i]);
        uploads[i] = NULL;
    }
    documents = NULL;
    unit = 0;
    period = 20;
    basic_known = true;
    pthread_mutex_unlock(&lock);
}

__attribute__((destructor)) static void end(void) { fake_forget_thermometry(); }
