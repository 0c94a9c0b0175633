/* The stand-in under many threads at once, for the thread sanitizer: logins, alarms, long connections, live views, playbacks and downloads
 * begin and end while their callbacks run. Prints how many callbacks there were; returns 0 when every one saw a sound buffer. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../standin/hcnetsdk.h"

BOOL NET_DVR_Init(void);
BOOL NET_DVR_Cleanup(void);
LONG NET_DVR_Login_V40(NET_DVR_USER_LOGIN_INFO *, NET_DVR_DEVICEINFO_V40 *);
BOOL NET_DVR_Logout(LONG);
BOOL NET_DVR_SetDVRMessageCallBack_V31(AlarmCB31, void *);
BOOL NET_DVR_SetExceptionCallBack_V30(DWORD, void *, ExceptionCB, void *);
LONG NET_DVR_SetupAlarmChan_V41(LONG, NET_DVR_SETUPALARM_PARAM *);
BOOL NET_DVR_CloseAlarmChan_V30(LONG);
LONG NET_DVR_StartRemoteConfig(LONG, DWORD, void *, DWORD, RemoteConfigCB, void *);
BOOL NET_DVR_StopRemoteConfig(LONG);
LONG NET_DVR_RealPlay_V40(LONG, NET_DVR_PREVIEWINFO *, RealDataCB, void *);
BOOL NET_DVR_SaveRealData(LONG, char *);
BOOL NET_DVR_StopRealPlay(LONG);
LONG NET_DVR_PlayBackByTime_V40(LONG, const NET_DVR_VOD_PARA *);
BOOL NET_DVR_SetPlayDataCallBack_V40(LONG, RealDataCB, void *);
BOOL NET_DVR_PlayBackControl_V40(LONG, DWORD, void *, DWORD, void *, DWORD *);
BOOL NET_DVR_StopPlayBack(LONG);
LONG NET_DVR_GetFileByTime_V40(LONG, char *, NET_DVR_PLAYCOND *);
LONG NET_DVR_GetDownloadPos(LONG);
BOOL NET_DVR_StopGetFile(LONG);
DWORD NET_DVR_GetLastError(void);
void fake_device(const char *, const char *, int, long, int);
int fake_alarm(LONG, const char *, DWORD);
void fake_upload(int, const char *);
size_t fake_film(const char *, size_t, int);
void fake_exception(DWORD, LONG, LONG);
int fake_live_handles(void);

enum { THREADS = 8, ROUNDS = 12 };
static unsigned long callbacks, wrong;

static void count(int sound) {
    __atomic_add_fetch(&callbacks, 1, __ATOMIC_RELAXED);
    if (!sound) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static BOOL on_alarm(LONG command, NET_DVR_ALARMER *alarmer, char *info, DWORD length, void *context) {
    (void)context;
    NET_DVR_THERMOMETRY_ALARM alarm;
    memcpy(&alarm, info, sizeof alarm);
    count(command == COMM_THERMOMETRY_ALARM && length == sizeof alarm + 100 && alarm.byRuleID == 3 && alarmer->byUserIDValid == 1);
    return 1;
}

static void on_exception(DWORD type, LONG user, LONG handle, void *context) {
    (void)user, (void)handle, (void)context;
    count(type == 0x8006);
}

static void on_remote(DWORD type, void *data, DWORD length, void *context) {
    (void)context;
    NET_DVR_THERMOMETRY_UPLOAD upload;
    if (type == DATA) memcpy(&upload, data, sizeof upload);
    count(type == STATUS || (length == sizeof upload && upload.byRuleID == 5));
}

static void on_data(LONG handle, DWORD type, BYTE *data, DWORD length, void *context) {
    (void)handle, (void)context;
    unsigned sum = 0;
    for (DWORD i = 0; i < length; i++) sum += data[i];
    count(type == 1 ? length == 40 && memcmp(data, "IMKH", 4) == 0 : type == 12 || sum != 0);
}

static void *work(void *argument) {
    long number = (long)argument;
    NET_DVR_USER_LOGIN_INFO login = {.wPort = 8000, .sDeviceAddress = "192.0.2.1", .sUserName = "admin", .sPassword = "x"};
    NET_DVR_SETUPALARM_PARAM arm = {.dwSize = sizeof arm, .byLevel = 1};
    NET_DVR_REALTIME_THERMOMETRY_COND condition = {.dwSize = sizeof condition, .dwChan = 2, .byMode = 1};
    NET_DVR_PREVIEWINFO view = {.lChannel = 2};
    NET_DVR_TIME start = {2026, 3, 1, 8, 0, 0}, stop = {2026, 3, 1, 8, 1, 0};
    NET_DVR_VOD_PARA vod = {.dwSize = sizeof vod, .struBeginTime = start, .struEndTime = stop};
    NET_DVR_PLAYCOND span = {.dwChannel = 2, .struStartTime = start, .struStopTime = stop};
    char saved[64], loaded[64];
    snprintf(saved, sizeof saved, "saved-%ld", number);
    snprintf(loaded, sizeof loaded, "loaded-%ld", number);
    for (int round = 0; round < ROUNDS; round++) {
        NET_DVR_DEVICEINFO_V40 device;
        LONG user = NET_DVR_Login_V40(&login, &device);
        LONG alarm = NET_DVR_SetupAlarmChan_V41(user, &arm);
        LONG remote = NET_DVR_StartRemoteConfig(user, GET_REALTIME_THERMOMETRY, &condition, sizeof condition, on_remote, NULL);
        LONG live = NET_DVR_RealPlay_V40(user, &view, on_data, NULL);
        LONG play = NET_DVR_PlayBackByTime_V40(user, &vod);
        LONG load = NET_DVR_GetFileByTime_V40(user, loaded, &span);
        if (user < 0 || alarm < 0 || remote < 0 || live < 0 || play < 0 || load < 0) count(0);
        NET_DVR_SaveRealData(live, saved);
        NET_DVR_SetPlayDataCallBack_V40(play, on_data, NULL);
        NET_DVR_PlayBackControl_V40(play, 1, NULL, 0, NULL, NULL);
        NET_DVR_PlayBackControl_V40(load, 1, NULL, 0, NULL, NULL);
        for (int i = 0; i < 20; i++)
            fake_alarm(alarm, "NET_DVR_THERMOMETRY_ALARM\nbyRuleID=3\nfCurrTemperature=50\n@pPicBuff=100", 0);
        fake_exception(0x8006, user, alarm);
        usleep(30000);
        NET_DVR_GetDownloadPos(load);
        NET_DVR_StopRemoteConfig(remote);
        NET_DVR_StopRealPlay(live);
        NET_DVR_StopPlayBack(play);
        NET_DVR_StopGetFile(load);
        NET_DVR_CloseAlarmChan_V30(alarm);
        if (NET_DVR_Logout(user) && NET_DVR_Logout(9999)) count(0);
        if (NET_DVR_GetLastError() != 17) count(0); /* this thread's own */
    }
    unlink(saved);
    unlink(loaded);
    return NULL;
}

int main(void) {
    static char film[3 * (9 + 6000)];
    for (int i = 0; i < 3; i++) {
        char *frame = film + i * (9 + 6000);
        DWORD length = 6000, time = (DWORD)i * 3600;
        memcpy(frame, &length, 4);
        memcpy(frame + 4, &time, 4);
        frame[8] = i == 0;
        memset(frame + 9, 0x41, 6000);
    }
    fake_film(film, sizeof film, 0);
    fake_device("admin", "x", 5, 60, 64);
    fake_upload(0, "NET_DVR_THERMOMETRY_UPLOAD\nbyRuleID=5");
    NET_DVR_Init();
    NET_DVR_SetDVRMessageCallBack_V31(on_alarm, NULL);
    NET_DVR_SetExceptionCallBack_V30(0, NULL, on_exception, NULL);
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    int left = fake_live_handles();
    NET_DVR_Cleanup();
    printf("callbacks %lu, wrong %lu, left open %d\n", callbacks, wrong, left);
    return wrong == 0 && left == 0 && callbacks > THREADS * ROUNDS * 20 ? 0 : 1;
}
