/* The structures of HCNetSDK on Linux x86-64, restated from the tables of hcnetsdk.md 6, and the constants of its chapters 4 and 5.
 * The driver has its own restatement in Python; layouts.c holds this one to the tables. */
#ifndef HCNETSDK_H
#define HCNETSDK_H

#include <stdint.h>

typedef int BOOL;
typedef int32_t LONG;
typedef uint32_t DWORD;
typedef uint16_t WORD;
typedef uint8_t BYTE;
typedef uint32_t HWND;

typedef struct {
    DWORD dwYear;
    DWORD dwMonth;
    DWORD dwDay;
    DWORD dwHour;
    DWORD dwMinute;
    DWORD dwSecond;
} NET_DVR_TIME;

typedef struct {
    float fX;
    float fY;
} NET_VCA_POINT;

typedef struct {
    float fX;
    float fY;
    float fWidth;
    float fHeight;
} NET_VCA_RECT;

typedef struct {
    DWORD dwPointNum;
    NET_VCA_POINT struPos[10];
} NET_VCA_POLYGON;

typedef struct {
    float fPan;
    float fTilt;
    float fZoom;
    DWORD dwFocus;
    BYTE byRes[4];
} NET_PTZ_INFO;

typedef struct {
    char sIpV4[16];
    BYTE byIPv6[128];
} NET_DVR_IPADDR;

typedef struct {
    NET_DVR_IPADDR struIP;
    WORD wPort;
    BYTE byRes[2];
} NET_DVR_ADDRESS;

typedef struct {
    NET_DVR_IPADDR struDevIP;
    WORD wPort;
    BYTE byChannel;
    BYTE byIvmsChannel;
} NET_VCA_DEV_INFO;

typedef struct {
    DWORD dwSize;
    BYTE byID[32];
    DWORD dwChannel;
    BYTE byRes[32];
} NET_DVR_STREAM_INFO;

typedef struct {
    char sPath[256];
    BYTE byRes[128];
} NET_DVR_LOCAL_SDK_PATH;

typedef struct {
    char sDeviceAddress[129];
    BYTE byUseTransport;
    WORD wPort;
    char sUserName[64];
    char sPassword[64];
    void *cbLoginResult;
    void *pUser;
    LONG bUseAsynLogin;
    BYTE byProxyType;
    BYTE byUseUTCTime;
    BYTE byLoginMode;
    BYTE byHttps;
    LONG iProxyID;
    BYTE byVerifyMode;
    BYTE byRes3[119];
} NET_DVR_USER_LOGIN_INFO;

typedef struct {
    BYTE sSerialNumber[48];
    BYTE byAlarmInPortNum;
    BYTE byAlarmOutPortNum;
    BYTE byDiskNum;
    BYTE byDVRType;
    BYTE byChanNum;
    BYTE byStartChan;
    BYTE byAudioChanNum;
    BYTE byIPChanNum;
    BYTE byZeroChanNum;
    BYTE byMainProto;
    BYTE bySubProto;
    BYTE bySupport;
    BYTE bySupport1;
    BYTE bySupport2;
    WORD wDevType;
    BYTE bySupport3;
    BYTE byMultiStreamProto;
    BYTE byStartDChan;
    BYTE byStartDTalkChan;
    BYTE byHighDChanNum;
    BYTE bySupport4;
    BYTE byLanguageType;
    BYTE byVoiceInChanNum;
    BYTE byStartVoiceInChanNo;
    BYTE bySupport5;
    BYTE bySupport6;
    BYTE byMirrorChanNum;
    WORD wStartMirrorChanNo;
    BYTE bySupport7;
    BYTE byRes2;
} NET_DVR_DEVICEINFO_V30;

typedef struct {
    NET_DVR_DEVICEINFO_V30 struDeviceV30;
    BYTE bySupportLock;
    BYTE byRetryLoginTime;
    BYTE byPasswordLevel;
    BYTE byProxyType;
    DWORD dwSurplusLockTime;
    BYTE byCharEncodeType;
    BYTE bySupportDev5;
    BYTE bySupport;
    BYTE byLoginMode;
    DWORD dwOEMCode;
    LONG iResidualValidity;
    BYTE byResidualValidity;
    BYTE bySingleStartDTalkChan;
    BYTE bySingleDTalkChanNums;
    BYTE byPassWordResetLevel;
    BYTE bySupportStreamEncrypt;
    BYTE byMarketType;
    BYTE byRes2[238];
} NET_DVR_DEVICEINFO_V40;

typedef struct {
    LONG lChannel;
    DWORD dwStreamType;
    DWORD dwLinkMode;
    HWND hPlayWnd;
    DWORD bBlocked;
    DWORD bPassbackRecord;
    BYTE byPreviewMode;
    BYTE byStreamID[32];
    BYTE byProtoType;
    BYTE byRes1;
    BYTE byVideoCodingType;
    DWORD dwDisplayBufNum;
    BYTE byNPQMode;
    BYTE byRecvMetaData;
    BYTE byDataType;
    BYTE byRes[213];
} NET_DVR_PREVIEWINFO;

typedef struct {
    WORD wPicSize;
    WORD wPicQuality;
} NET_DVR_JPEGPARA;

typedef struct {
    DWORD dwSize;
    DWORD dwChannel;
    DWORD dwJpegPicLen;
    void *pJpegPicBuff;
    DWORD dwJpegPicWidth;
    DWORD dwJpegPicHeight;
    DWORD dwP2PDataLen;
    void *pP2PDataBuff;
    BYTE byIsFreezedata;
    BYTE byRes1[3];
    DWORD dwVisiblePicLen;
    void *pVisiblePicBuff;
    NET_VCA_RECT struThermalValidRect;
    NET_VCA_RECT struVisibleValidRect;
    BYTE byRes[208];
} NET_DVR_JPEGPICTURE_WITH_APPENDDATA;

typedef struct {
    DWORD dwSize;
    NET_DVR_STREAM_INFO struIDInfo;
    NET_DVR_TIME struBeginTime;
    NET_DVR_TIME struEndTime;
    HWND hWnd;
    BYTE byDrawFrame;
    BYTE byVolumeType;
    BYTE byVolumeNum;
    BYTE byStreamType;
    DWORD dwFileIndex;
    BYTE byAudioFile;
    BYTE byCourseFile;
    BYTE byDownload;
    BYTE byOptimalStreamType;
    BYTE byRes2[20];
} NET_DVR_VOD_PARA;

typedef struct {
    DWORD dwChannel;
    NET_DVR_TIME struStartTime;
    NET_DVR_TIME struStopTime;
    BYTE byDrawFrame;
    BYTE byStreamType;
    BYTE byStreamID[32];
    BYTE byCourseFile;
    BYTE byDownload;
    BYTE byOptimalStreamType;
    BYTE byVODFileType;
    BYTE byRes[26];
} NET_DVR_PLAYCOND;

typedef struct {
    LONG lChannel;
    DWORD dwFileType;
    DWORD dwIsLocked;
    DWORD dwUseCardNo;
    BYTE sCardNumber[32];
    NET_DVR_TIME struStartTime;
    NET_DVR_TIME struStopTime;
    BYTE byDrawFrame;
    BYTE byFindType;
    BYTE byQuickSearch;
    BYTE bySpecialFindInfoType;
    DWORD dwVolumeNum;
    BYTE byWorkingDeviceGUID[16];
    BYTE uSpecialFindInfo[8];
    BYTE byStreamType;
    BYTE byAudioFile;
    BYTE byRes2[30];
} NET_DVR_FILECOND_V40;

typedef struct {
    char sFileName[100];
    NET_DVR_TIME struStartTime;
    NET_DVR_TIME struStopTime;
    DWORD dwFileSize;
    char sCardNum[32];
    BYTE byLocked;
    BYTE byFileType;
    BYTE byQuickSearch;
    BYTE byRes;
    DWORD dwFileIndex;
    BYTE byStreamType;
    BYTE byRes1[127];
} NET_DVR_FINDDATA_V40;

typedef struct {
    DWORD dwSize;
    BYTE byLevel;
    BYTE byAlarmInfoType;
    BYTE byRetAlarmTypeV40;
    BYTE byRetDevInfoVersion;
    BYTE byRetVQDAlarmType;
    BYTE byFaceAlarmDetection;
    BYTE bySupport;
    BYTE byBrokenNetHttp;
    WORD wTaskNo;
    BYTE byDeployType;
    BYTE bySubScription;
    BYTE byRes1[2];
    BYTE byAlarmTypeURL;
    BYTE byCustomCtrl;
} NET_DVR_SETUPALARM_PARAM;

typedef struct {
    BYTE byUserIDValid;
    BYTE bySerialValid;
    BYTE byVersionValid;
    BYTE byDeviceNameValid;
    BYTE byMacAddrValid;
    BYTE byLinkPortValid;
    BYTE byDeviceIPValid;
    BYTE bySocketIPValid;
    LONG lUserID;
    BYTE sSerialNumber[48];
    DWORD dwDeviceVersion;
    char sDeviceName[32];
    BYTE byMacAddr[6];
    WORD wLinkPort;
    char sDeviceIP[128];
    char sSocketIP[128];
    BYTE byIpProtocol;
    BYTE byRes1[2];
    BYTE bJSONBroken;
    WORD wSocketPort;
    BYTE byRes2[6];
} NET_DVR_ALARMER;

typedef struct {
    DWORD dwAlarmType;
    DWORD dwAlarmInputNumber;
    BYTE byAlarmOutputNumber[96];
    BYTE byAlarmRelateChannel[64];
    BYTE byChannel[64];
    BYTE byDiskNumber[33];
} NET_DVR_ALARMINFO_V30;

typedef struct {
    void *pAlarmData;
    DWORD dwAlarmDataLen;
    BYTE byDataType;
    BYTE byPicturesNumber;
    BYTE byRes[2];
    void *pPicPackData;
    BYTE byRes1[32];
} NET_DVR_ALARM_ISAPI_INFO;

typedef struct {
    DWORD dwPicLen;
    BYTE byPicType;
    BYTE byRes[3];
    char szFilename[256];
    void *pPicData;
} NET_DVR_ALARM_ISAPI_PICDATA;

typedef struct {
    DWORD dwSize;
    DWORD dwRelativeTime;
    DWORD dwAbsTime;
    NET_VCA_DEV_INFO struDevInfo;
    WORD wPanPos;
    WORD wTiltPos;
    WORD wZoomPos;
    BYTE byPicTransType;
    BYTE byRes1;
    DWORD dwPicDataLen;
    void *pBuffer;
    NET_VCA_RECT struRect;
    NET_VCA_POINT struPoint;
    WORD wFireMaxTemperature;
    WORD wTargetDistance;
    BYTE byStrategyType;
    BYTE byAlarmSubType;
    BYTE byPTZPosExEnable;
    BYTE byRes2;
    NET_PTZ_INFO struPtzPosEx;
    DWORD dwVisiblePicLen;
    void *pVisiblePicBuf;
    void *pSmokeBuf;
    WORD wDevInfoIvmsChannelEx;
    BYTE byRes3;
    BYTE byFireScanWaitMode;
    DWORD dwVisibleChannel;
    BYTE byTimeDiffFlag;
    signed char cTimeDifferenceH;
    signed char cTimeDifferenceM;
    BYTE byRes[49];
} NET_DVR_FIREDETECTION_ALARM;

typedef struct {
    NET_PTZ_INFO struPTZPos;
    NET_PTZ_INFO struThermalPTZPos;
    BYTE struLLPos[44];
    NET_VCA_RECT struSmokePos;
    BYTE byRes[256];
} NET_DVR_SMOKEDETECTION_ALARM;

typedef struct {
    DWORD dwSize;
    DWORD dwChannel;
    BYTE byRuleID;
    BYTE byThermometryUnit;
    WORD wPresetNo;
    NET_PTZ_INFO struPtzInfo;
    BYTE byAlarmLevel;
    BYTE byAlarmType;
    BYTE byAlarmRule;
    BYTE byRuleCalibType;
    NET_VCA_POINT struPoint;
    NET_VCA_POLYGON struRegion;
    float fRuleTemperature;
    float fCurrTemperature;
    DWORD dwPicLen;
    DWORD dwThermalPicLen;
    DWORD dwThermalInfoLen;
    void *pPicBuff;
    void *pThermalPicBuff;
    void *pThermalInfoBuff;
    NET_VCA_POINT struHighestPoint;
    float fToleranceTemperature;
    DWORD dwAlertFilteringTime;
    DWORD dwAlarmFilteringTime;
    DWORD dwTemperatureSuddenChangeCycle;
    float fTemperatureSuddenChangeValue;
    BYTE byPicTransType;
    BYTE byRes1[3];
    DWORD dwVisibleChannel;
    DWORD dwRelativeTime;
    DWORD dwAbsTime;
    float fAlarmRuleTemperature;
    BYTE byRes[20];
} NET_DVR_THERMOMETRY_ALARM;

typedef struct {
    DWORD dwSize;
    DWORD dwChannel;
    BYTE byAlarmID1;
    BYTE byAlarmID2;
    WORD wPresetNo;
    BYTE byAlarmLevel;
    BYTE byAlarmType;
    BYTE byAlarmRule;
    BYTE byRuleCalibType;
    NET_VCA_POINT struPoint[2];
    NET_VCA_POLYGON struRegion[2];
    float fRuleTemperatureDiff;
    float fCurTemperatureDiff;
    NET_PTZ_INFO struPtzInfo;
    DWORD dwPicLen;
    DWORD dwThermalPicLen;
    DWORD dwThermalInfoLen;
    void *pPicBuff;
    void *pThermalPicBuff;
    void *pThermalInfoBuff;
    BYTE byThermometryUnit;
    BYTE byPicTransType;
    BYTE byRes1[2];
    float fToleranceTemperature;
    DWORD dwAlarmFilteringTime;
    DWORD dwVisibleChannel;
    BYTE byRes[48];
} NET_DVR_THERMOMETRY_DIFF_ALARM;

typedef struct {
    DWORD dwSize;
    DWORD dwChan;
    BYTE byRuleID;
    BYTE byMode;
    WORD wInterval;
    float fTemperatureDiff;
    BYTE byRes[56];
} NET_DVR_REALTIME_THERMOMETRY_COND;

typedef struct {
    float fTemperature;
    NET_VCA_POINT struPoint;
    BYTE byRes[120];
} NET_DVR_POINT_THERM_CFG;

typedef struct {
    float fMaxTemperature;
    float fMinTemperature;
    float fAverageTemperature;
    float fTemperatureDiff;
    NET_VCA_POLYGON struRegion;
    BYTE byRes[32];
} NET_DVR_LINEPOLYGON_THERM_CFG;

typedef struct {
    DWORD dwSize;
    DWORD dwRelativeTime;
    DWORD dwAbsTime;
    char szRuleName[32];
    BYTE byRuleID;
    BYTE byRuleCalibType;
    WORD wPresetNo;
    NET_DVR_POINT_THERM_CFG struPointThermCfg;
    NET_DVR_LINEPOLYGON_THERM_CFG struLinePolygonThermCfg;
    BYTE byThermometryUnit;
    BYTE byDataType;
    BYTE byRes1;
    BYTE bySpecialPointThermType;
    float fCenterPointTemperature;
    float fHighestPointTemperature;
    float fLowestPointTemperature;
    NET_VCA_POINT struHighestPoint;
    NET_VCA_POINT struLowestPoint;
    BYTE byIsFreezedata;
    BYTE byFaceSnapThermometryEnabled;
    BYTE byRes2[2];
    DWORD dwChan;
    NET_VCA_RECT struFaceRect;
    DWORD dwTimestamp;
    BYTE byRes[68];
} NET_DVR_THERMOMETRY_UPLOAD;

typedef struct {
    float fPointTemperature;
    NET_VCA_POINT struPoint;
    BYTE byRes[20];
} NET_SDK_POINT_THERMOMETRY;

typedef struct {
    float fMaxTemperature;
    float fMinTemperature;
    float fAverageTemperature;
    float fTemperatureDiff;
    NET_VCA_POLYGON struRegion;
    BYTE byRes[20];
} NET_SDK_REGION_THERMOMETRY;

typedef struct {
    BYTE byRuleID;
    BYTE byEnable;
    BYTE byRes1[2];
    char szRuleName[32];
    BYTE byRuleCalibType;
    BYTE byRes2[3];
    NET_SDK_POINT_THERMOMETRY struPointTherm;
    NET_SDK_REGION_THERMOMETRY struRegionTherm;
    BYTE byRes[512];
} NET_SDK_MANUALTHERM_RULE;

typedef struct {
    DWORD dwSize;
    DWORD dwChannel;
    DWORD dwRelativeTime;
    DWORD dwAbsTime;
    BYTE byThermometryUnit;
    BYTE byDataType;
    BYTE byRes1[6];
    NET_SDK_MANUALTHERM_RULE struRuleInfo;
    BYTE byRes[512];
} NET_SDK_MANUAL_THERMOMETRY;

typedef struct {
    DWORD dwSize;
    WORD wDistance;
    BYTE byDistanceUnit;
    BYTE byRes1[1];
    float fEmissivity;
    BYTE byRes[64];
} NET_SDK_MANUALTHERM_BASICPARAM;

typedef struct {
    void *lpCondBuffer;
    DWORD dwCondSize;
    void *lpInBuffer;
    DWORD dwInSize;
    void *lpOutBuffer;
    DWORD dwOutSize;
    void *lpStatusBuffer;
    DWORD dwStatusSize;
    void *lpXmlBuffer;
    DWORD dwXmlSize;
    BYTE byDataType;
    BYTE byRes[23];
} NET_DVR_STD_CONFIG;

typedef struct {
    void *lpCondBuffer;
    DWORD dwCondSize;
    void *lpStatusBuffer;
    DWORD dwStatusSize;
    void *lpXmlBuffer;
    DWORD dwXmlSize;
    BYTE byDataType;
    BYTE byRes[55];
} NET_DVR_STD_CONTROL;

typedef struct {
    DWORD dwSize;
    void *lpRequestUrl;
    DWORD dwRequestUrlLen;
    void *lpInBuffer;
    DWORD dwInBufferSize;
    DWORD dwRecvTimeOut;
    BYTE byForceEncrpt;
    BYTE byNumOfMultiPart;
    BYTE byRes[30];
} NET_DVR_XML_CONFIG_INPUT;

typedef struct {
    DWORD dwSize;
    void *lpOutBuffer;
    DWORD dwOutBufferSize;
    DWORD dwReturnedXMLSize;
    void *lpStatusBuffer;
    DWORD dwStatusSize;
    BYTE byRes[32];
} NET_DVR_XML_CONFIG_OUTPUT;

typedef struct {
    NET_DVR_SETUPALARM_PARAM struParam;
    BYTE byRes[128];
} NET_DVR_SETUPALARM_PARAM_V50;

typedef void (*LoginResultCB)(LONG user, DWORD result, NET_DVR_DEVICEINFO_V30 *device, void *context);
typedef void (*ExceptionCB)(DWORD type, LONG user, LONG handle, void *context);
typedef void (*RealDataCB)(LONG handle, DWORD type, BYTE *data, DWORD length, void *context);
typedef BOOL (*AlarmCB31)(LONG command, NET_DVR_ALARMER *alarmer, char *info, DWORD length, void *context);
typedef void (*AlarmCB50)(LONG command, NET_DVR_ALARMER *alarmer, char *info, DWORD length, void *context);
typedef void (*RemoteConfigCB)(DWORD type, void *data, DWORD length, void *context);

enum {
    NOERROR_ = 0, PASSWORD_ERROR = 1, NOINIT = 3, CHANNEL_ERROR = 4, NETWORK_FAIL_CONNECT = 7, NETWORK_RECV_TIMEOUT = 10,
    ORDER_ERROR = 12, PARAMETER_ERROR = 17, NOSUPPORT = 23, NOSPECFILE = 33, CREATEFILE_ERROR = 34, NOENOUGH_BUF = 43,
    MAX_NUM = 46, USERNOTEXIST = 47, MAX_USERNUM = 52, LOADPLAYERSDKFAILED = 64, LOAD_HCPREVIEW = 107, LOAD_HCALARM = 109,
    LOAD_HCPLAYBACK = 110, USER_LOCKED = 153, NONBLOCKING_CAPTURE_NOTSUPPORT = 185
};
enum { GET_REALTIME_THERMOMETRY = 3629, GET_MANUALTHERM_INFO = 6706, SET_MANUALTHERM = 6708, SET_MANUALTHERM_BASICPARAM = 6716,
       GET_MANUALTHERM_BASICPARAM = 6717, DEL_MANUALTHERM_RULE = 6778 };
enum { STATUS = 0, PROGRESS = 1, DATA = 2 };
enum { COMM_ALARM_V30 = 0x4000, COMM_FIREDETECTION_ALARM = 0x4991, COMM_THERMOMETRY_DIFF_ALARM = 0x5211,
       COMM_THERMOMETRY_ALARM = 0x5212, COMM_ISAPI_ALARM = 0x6009 };

#endif
