/* Logins, with a device that locks, and tables of handles that count from 0 and reuse the lowest free number. */
#include <time.h>

#include "standin.h"

Table previews = {.name = "preview"}, alarms = {.name = "alarm"}, remotes = {.name = "remote"}, plays = {.name = "play"},
      finds = {.name = "find"};
static Table *const tables[] = {&previews, &alarms, &remotes, &plays, &finds};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static User users[MOST];
static int most_users = 4;

static struct {
    char username[64], password[64], serial[48];
    int attempts, failures;
    time_t locked_until;
    long lock_seconds;
    BYTE encoding;
} device = {"admin", "stand-in", "STANDIN-2TD1228", 5, 0, 0, 1800, 6};

static ExceptionCB exception_callback;
static void *exception_context;
static Worker exceptions;

User *user_of(LONG number) {
    REFUSE(number < 0 || number >= MOST, PARAMETER_ERROR, NULL);
    pthread_mutex_lock(&lock);
    bool there = users[number].used;
    pthread_mutex_unlock(&lock);
    REFUSE(!there, USERNOTEXIST, NULL);
    return &users[number];
}

Handle *take_handle(Table *table, LONG user) {
    pthread_mutex_lock(&lock);
    for (LONG i = 0; i < MOST; i++) {
        Handle *handle = &table->entries[i];
        if (!handle->used) {
            memset(handle, 0, sizeof *handle);
            handle->used = true;
            handle->number = i;
            handle->user = user;
            pthread_mutex_unlock(&lock);
            return handle;
        }
    }
    pthread_mutex_unlock(&lock);
    fail(MAX_NUM);
    return NULL;
}

Handle *handle_of(Table *table, LONG number) {
    REFUSE(number < 0 || number >= MOST, PARAMETER_ERROR, NULL);
    pthread_mutex_lock(&lock);
    bool there = table->entries[number].used;
    pthread_mutex_unlock(&lock);
    REFUSE(!there, ORDER_ERROR, NULL);
    return &table->entries[number];
}

void give_back(Handle *handle) {
    worker_stop(&handle->worker);
    if (handle->file != NULL) fclose(handle->file);
    pthread_mutex_lock(&lock);
    handle->file = NULL;
    handle->used = false;
    pthread_mutex_unlock(&lock);
}

int live_handles(void) {
    int count = 0;
    pthread_mutex_lock(&lock);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (int i = 0; i < MOST; i++) count += tables[t]->entries[i].used;
    for (int i = 0; i < MOST; i++) count += users[i].used;
    pthread_mutex_unlock(&lock);
    return count;
}

void forget_everything(void) {
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (int i = 0; i < MOST; i++)
            if (tables[t]->entries[i].used) give_back(&tables[t]->entries[i]);
    worker_stop(&exceptions);
    pthread_mutex_lock(&lock);
    memset(users, 0, sizeof users);
    exception_callback = NULL;
    pthread_mutex_unlock(&lock);
}

static LONG refuse_login(DWORD code, NET_DVR_DEVICEINFO_V40 *info, int left, long seconds) {
    info->bySupportLock = 1;
    info->byRetryLoginTime = (BYTE)(left > 0 ? left : 0);
    info->dwSurplusLockTime = (DWORD)seconds;
    pthread_mutex_unlock(&lock);
    fail(code);
    return -1;
}

static LONG login(const NET_DVR_USER_LOGIN_INFO *login, NET_DVR_DEVICEINFO_V40 *info) {
    time_t now = time(NULL);
    memset(info, 0, sizeof *info);
    REFUSE(login->sDeviceAddress[0] == 0, NETWORK_FAIL_CONNECT, -1);
    pthread_mutex_lock(&lock);
    if (device.locked_until > now) return refuse_login(USER_LOCKED, info, 0, device.locked_until - now);
    if (strcmp(login->sUserName, device.username) != 0 || strcmp(login->sPassword, device.password) != 0) {
        if (++device.failures >= device.attempts) {
            device.locked_until = now + device.lock_seconds;
            device.failures = 0;
            return refuse_login(USER_LOCKED, info, 0, device.lock_seconds);
        }
        return refuse_login(PASSWORD_ERROR, info, device.attempts - device.failures, 0);
    }
    device.failures = 0;
    int used = 0;
    for (int i = 0; i < MOST; i++) used += users[i].used;
    if (used >= most_users) return refuse_login(MAX_USERNUM, info, device.attempts, 0);
    for (LONG i = 0; i < MOST; i++) {
        if (users[i].used) continue;
        users[i].used = true;
        users[i].mode = login->byLoginMode == 1;
        snprintf(users[i].address, sizeof users[i].address, "%s", login->sDeviceAddress);
        memcpy(info->struDeviceV30.sSerialNumber, device.serial, sizeof device.serial);
        info->struDeviceV30.byChanNum = 2;
        info->struDeviceV30.byStartChan = 1;
        info->struDeviceV30.byAlarmInPortNum = 1;
        info->struDeviceV30.byDiskNum = 1;
        info->struDeviceV30.wDevType = 30;
        info->byLoginMode = users[i].mode;
        info->byCharEncodeType = device.encoding;
        pthread_mutex_unlock(&lock);
        return i;
    }
    pthread_mutex_unlock(&lock);
    fail(MAX_NUM);
    return -1;
}

typedef struct {
    NET_DVR_USER_LOGIN_INFO info;
} Later;

static void *login_later(void *argument) {
    Later *later = argument;
    NET_DVR_DEVICEINFO_V40 device_info;
    LoginResultCB callback = (LoginResultCB)later->info.cbLoginResult;
    LONG user = login(&later->info, &device_info);
    if (callback != NULL)
        callback(user < 0 ? 0 : user, user >= 0, user < 0 ? NULL : &device_info.struDeviceV30, later->info.pUser);
    free(later);
    return NULL;
}

EXPORT LONG NET_DVR_Login_V40(NET_DVR_USER_LOGIN_INFO *info, NET_DVR_DEVICEINFO_V40 *device_info) {
    CALL(-1, "%.128s:%u %.63s mode=%u https=%u verify=%u asynchronous=%d", info == NULL ? "" : info->sDeviceAddress,
         info == NULL ? 0 : info->wPort, info == NULL ? "" : info->sUserName, info == NULL ? 0 : info->byLoginMode,
         info == NULL ? 0 : info->byHttps, info == NULL ? 0 : info->byVerifyMode, info == NULL ? 0 : info->bUseAsynLogin);
    REFUSE(info == NULL || device_info == NULL, PARAMETER_ERROR, -1);
    if (!info->bUseAsynLogin) return login(info, device_info);
    Later *later = calloc(1, sizeof *later);
    pthread_t thread;
    later->info = *info;
    if (pthread_create(&thread, NULL, login_later, later) == 0) pthread_detach(thread);
    return 0; /* which is not a user id */
}

EXPORT BOOL NET_DVR_Logout(LONG user) {
    CALL(0, "%d", user);
    User *found = user_of(user);
    if (found == NULL) return 0;
    pthread_mutex_lock(&lock);
    found->used = false;
    pthread_mutex_unlock(&lock);
    leave_stale(NOSUPPORT);
    return 1;
}

EXPORT BOOL NET_DVR_Logout_V30(LONG user) { return NET_DVR_Logout(user); }

EXPORT BOOL NET_DVR_SetExceptionCallBack_V30(DWORD reserved, void *window, ExceptionCB callback, void *context) {
    CALL(0, "%s", callback == NULL ? "NULL" : "set");
    REFUSE(reserved != 0 || window != NULL, PARAMETER_ERROR, 0);
    pthread_mutex_lock(&lock);
    exception_callback = callback;
    exception_context = context;
    pthread_mutex_unlock(&lock);
    return 1;
}

EXPORT BOOL NET_DVR_GetSDKState(DWORD *state) {
    CALL(0, "%s", "");
    REFUSE(state == NULL, PARAMETER_ERROR, 0);
    memset(state, 0, 21 * sizeof *state);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST; i++) {
        state[0] += users[i].used;
        state[1] += previews.entries[i].used;
        state[2] += plays.entries[i].used;
        state[3] += alarms.entries[i].used;
        state[5] += finds.entries[i].used;
    }
    pthread_mutex_unlock(&lock);
    return 1;
}

static void tell_exception(void *owner, Job *job) {
    (void)owner;
    pthread_mutex_lock(&lock);
    ExceptionCB callback = exception_callback;
    void *context = exception_context;
    pthread_mutex_unlock(&lock);
    LONG *about = (LONG *)(void *)job->block;
    if (callback != NULL) callback(job->kind, about[0], about[1], context);
}

/* -- what tests do ---------------------------------------------------------------------------------------------------- */

EXPORT void fake_exception(DWORD type, LONG user, LONG handle) {
    static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&starting);
    if (!exceptions.running) worker_start(&exceptions, NULL, tell_exception, NULL, 0);
    pthread_mutex_unlock(&starting);
    LONG *about = malloc(2 * sizeof *about);
    about[0] = user;
    about[1] = handle;
    worker_push(&exceptions, type, (char *)about, 2 * sizeof *about, 0, NULL);
    worker_settle(&exceptions, 2000);
}

EXPORT void fake_device(const char *username, const char *password, int attempts, long lock_seconds, int users_allowed) {
    pthread_mutex_lock(&lock);
    snprintf(device.username, sizeof device.username, "%s", username);
    snprintf(device.password, sizeof device.password, "%s", password);
    device.attempts = attempts;
    device.lock_seconds = lock_seconds;
    device.failures = 0;
    device.locked_until = 0;
    most_users = users_allowed;
    pthread_mutex_unlock(&lock);
}

EXPORT void fake_encoding(int encoding) { device.encoding = (BYTE)encoding; }

EXPORT int fake_live_handles(void) { return live_handles(); }
