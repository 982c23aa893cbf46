"""The word lists of the generated customers."""

from __future__ import annotations

CITIES = (
    ("上海", "", "021", 8, "Shanghai"), ("北京", "", "010", 8, "Beijing"), ("天津", "", "022", 8, "Tianjin"),
    ("重庆", "", "023", 8, "Chongqing"), ("杭州", "浙江", "0571", 8, "Hangzhou"), ("宁波", "浙江", "0574", 8, "Ningbo"),
    ("温州", "浙江", "0577", 8, "Wenzhou"), ("南京", "江苏", "025", 8, "Nanjing"), ("苏州", "江苏", "0512", 8, "Suzhou"),
    ("无锡", "江苏", "0510", 8, "Wuxi"), ("广州", "广东", "020", 8, "Guangzhou"), ("深圳", "广东", "0755", 8, "Shenzhen"),
    ("佛山", "广东", "0757", 8, "Foshan"), ("东莞", "广东", "0769", 8, "Dongguan"), ("成都", "四川", "028", 8, "Chengdu"),
    ("武汉", "湖北", "027", 8, "Wuhan"), ("长沙", "湖南", "0731", 8, "Changsha"), ("郑州", "河南", "0371", 8, "Zhengzhou"),
    ("西安", "陕西", "029", 8, "Xian"), ("青岛", "山东", "0532", 8, "Qingdao"), ("济南", "山东", "0531", 8, "Jinan"),
    ("合肥", "安徽", "0551", 8, "Hefei"), ("福州", "福建", "0591", 8, "Fuzhou"), ("厦门", "福建", "0592", 7, "Xiamen"),
    ("昆明", "云南", "0871", 8, "Kunming"), ("南昌", "江西", "0791", 8, "Nanchang"), ("大连", "辽宁", "0411", 8, "Dalian"),
    ("嘉兴", "浙江", "0573", 8, "Jiaxing"), ("绍兴", "浙江", "0575", 8, "Shaoxing"), ("中山", "广东", "0760", 8, "Zhongshan"),
)  # fmt: skip
READINGS = """
    腾:teng 达:da 宏:hong 远:yuan 鸿:hong 盛:sheng 华:hua 兴:xing 隆:long 泰:tai 昌:chang 瑞:rui 祥:xiang 福:fu 康:kang
    宁:ning 安:an 顺:shun 利:li 丰:feng 金:jin 银:yin 宝:bao 龙:long 凤:feng 东:dong 海:hai 江:jiang 河:he 山:shan
    川:chuan 星:xing 辰:chen 光:guang 明:ming 亮:liang 辉:hui 恒:heng 久:jiu 永:yong 青:qing 春:chun 秋:qiu 新:xin
    世:shi 纪:ji 美:mei 佳:jia 家:jia 园:yuan 诚:cheng 信:xin 义:yi 德:de 仁:ren 和:he 天:tian 地:di 云:yun 霞:xia
    风:feng 雷:lei 飞:fei 翔:xiang 鹏:peng 鹤:he 虎:hu 狮:shi 象:xiang 联:lian 合:he 众:zhong 创:chuang 业:ye 富:fu
    贵:gui 锦:jin 绣:xiu 源:yuan 泉:quan 泽:ze 润:run 浩:hao 博:bo 雅:ya 思:si 智:zhi 慧:hui 凯:kai 旋:xuan 捷:jie
    讯:xun 通:tong 畅:chang 旺:wang 财:cai 聚:ju 汇:hui 百:bai 千:qian 万:wan 晨:chen 曦:xi 蓝:lan 枫:feng 松:song 竹:zhu
"""
SIGNS = dict(pair.split(":") for pair in READINGS.split())
TRADITIONAL = dict(
    zip(
        "腾达远鸿华兴宁顺丰银宝龙凤东辉恒长纪园诚义云风飞鹏狮联众创业贵锦绣润凯讯畅财汇万蓝枫贸电国际庆广苏无锡门实设备发展团药机经营铝经饰饮",
        "騰達遠鴻華興寧順豐銀寶龍鳳東輝恆長紀園誠義雲風飛鵬獅聯眾創業貴錦繡潤凱訊暢財匯萬藍楓貿電國際慶廣蘇無錫門實設備發展團藥機經營鋁經飾飲",
        strict=True,
    )
)  # fmt: skip
TRADES = {
    "食品": "Food", "贸易": "Trading", "商贸": "Trade", "科技": "Technology", "实业": "Industrial", "建材": "Building Materials",
    "五金": "Hardware", "电器": "Electric", "服装": "Garment", "文具": "Stationery", "化工": "Chemical", "机械": "Machinery",
    "医药": "Pharmaceutical", "饮料": "Beverage", "包装": "Packaging", "电子": "Electronics", "物流": "Logistics",
    "装饰": "Decoration", "塑料": "Plastics", "纺织": "Textile",
}  # fmt: skip
FORMS = ("有限公司",) * 8 + ("有限责任公司", "股份有限公司", "集团有限公司")
SHOPS = ("超市", "便利店", "商行", "经营部", "批发部", "百货商场")
ROADS = (
    "中山路",
    "解放路",
    "人民路",
    "建设路",
    "文三路",
    "延安路",
    "长江路",
    "和平路",
    "新华路",
    "工业大道",
    "科技路",
    "滨河路",
)
DISTRICTS = ("东湖", "西山", "南城", "北江", "新港", "高新", "城关", "开发")
SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉萍红建国志文斌鑫宇浩然子轩"
NUMBERS = "一二三四五六七八九"
