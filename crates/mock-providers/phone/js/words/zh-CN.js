/** The page's own words in Chinese. Same keys as en.js; a test compares. */
export default {
  app: {
    name: '城市服务', skip: '跳到主要内容', mock: '模拟环境，不会真的扣款', back: '返回', tabs: '主导航', loading: '正在加载',
    yuan: '元', comma: '、', keep: '不，保留', elder: '长辈版', elder_off: '标准版', elder_long: '长辈版（大字、高对比）',
    tab: { home: '首页', records: '缴费记录', me: '我的' },
  },
  insurance: { pension: '养老保险', medical: '医疗保险', unemployment: '失业保险', resident_medical: '城乡居民医保', account_topup: '个人账户充值' },
  home: {
    title: '社保缴费', enrolled_in: '参保地', change: '切换', change_city: '参保城市', promise: '每一分钱都可查：已入账、已退回，或有专人核实',
    services: '缴费服务', know: '缴费前了解', quote_text: '不登录也能算，每一步都看得到', guide_text: '现行标准与出处',
    objection: '对缴费有疑问', objection_text: '从缴费记录中提交异议', unfinished: '您有一笔未完成的缴费', go_on: '继续支付', look: '查看进度', lines: '咨询电话',
  },
  line: { 12333: '人社（养老）', 12393: '医保', 12366: '税务' },
  service: {
    flex_pension: { name: '养老保险缴费', text: '灵活就业人员' },
    flex_medical: { name: '医疗保险缴费', text: '灵活就业人员' },
    resident_medical: { name: '城乡居民医保', text: '学生儿童、老年及其他居民，按年缴费' },
    back_payment: { name: '补缴', text: '补缴以前月份' },
    account_topup: { name: '社保卡个人账户充值', text: '充值款不能用于缴纳养老保险' },
  },
  cities: {
    title: '选择参保地', hint: '请选择参保地，也就是您的社保关系所在城市，不一定是您现在的位置。', here: '当前定位', locate: '使用我的位置', demo_place: '演示位置：无锡',
    privacy: '位置只用来推荐城市，不会保存。', recent: '最近访问', hot: '热门城市', letters: '字母索引', search: '搜索城市', placeholder: '城市名、拼音或首字母',
    not_open: '敬请期待', none: '没有找到这个城市，请换一个写法。', no_place: '没有找到附近的城市，请在下面的列表中选择。',
    placed: '已定位到{city}', refused: '没有取得位置，请在下面的列表中选择。',
  },
  login: {
    title: '登录', lead: '您在哪个小程序里缴费？', text: '真实环境中，小程序会自动登录。这里请选择模拟哪一个平台。',
    wechat: '微信小程序', wechat_text: '用微信支付付款', wechat_wallet: '微信支付', alipay: '支付宝小程序', alipay_text: '用支付宝付款', alipay_wallet: '支付宝',
    note: '登录只交换平台给出的一次性代码，不需要密码，也不会取得您的支付信息。',
  },
  people: {
    title: '参保人', self: '本人', other: '他人', none: '还没有添加参保人。', add: '添加参保人', removed: '已移除的参保人', remove: '移除',
    remove_sure: '移除{name}后，不能再为其查询和缴费；已有的缴费记录会保留。', remove_yes: '确认移除', note: '姓名和证件号码加密保存，页面上只显示一部分。',
    unverified: '尚未实名核验', verify: '实名核验', verified: '已实名核验（{time}）', verify_failed: '上次核验未通过，可以再试一次。', verify_agree: '点“实名核验”表示您已阅读并同意上述授权书。',
  },
  person: {
    title: '添加参保人', whom: '为谁缴费', name: '姓名', kind: '证件类型', number: '证件号码', number_hint: '与社保登记一致。不是社保卡上的银行卡号。',
    demo: '演示专用', case: '虚构人员的情况', case_standard: '灵活就业，2023 年待缴', case_gap: '最近两个月没缴医保', case_resident: '城乡居民，按年缴费', case_missed_months: '有漏缴月份，可以补缴', sample: '填入虚构的参保人', consent_head: '授权说明',
    consent_self: '为查询应缴费用并缴费，本服务会用您的姓名和证件号码向社保、医保经办机构查询。信息加密保存，可随时移除。',
    consent_other: '您将为他人查询和缴费。请确认已取得对方同意。您只能看到应缴金额和缴费状态，看不到对方的待遇信息；对方可以随时解除。',
    agree: '我已阅读并同意', agree_first: '请先阅读并勾选“我已阅读并同意”。', agree_next: '勾选后再点“保存”。', guardian: '参保人未满 14 周岁，我是其父母或其他监护人，同意为其办理。',
    save: '保存', note: '演示环境中请勿填写真实的个人信息。', birth_date: '出生日期', birth_date_hint: '证件号码里没有出生日期，只用于判断是否需要监护人声明，不保存。',
  },
  document: {
    resident_id: '居民身份证', hkmt_residence: '港澳台居民居住证', foreign_pr: '外国人永久居留身份证', passport: '护照', hk_macau_pass: '港澳居民来往内地通行证', taiwan_pass: '台湾居民来往大陆通行证',
  },
  bills: {
    title: '选择缴费月份', whom: '为谁缴费', other_person: '添加', next: '下一步', chosen: '已选 {n} 笔', sum: '合计', none_chosen: '未选择月份', year: '{year} 年',
    change_tier: '调整档次', quick: '快速选择', quick_1: '最早 1 个月', quick_3: '3 个月', quick_12: '全年', quick_none: '不选', paid: '已缴', locked: '缴费中', due: '待缴', expired: '已过期',
    nothing: '目前没有待缴的费用。', until: '最晚 {day} 缴纳', maintenance: '经办机构系统维护中，预计 {time} 恢复。', closed_until: '现在不在缴费时间内，{time} 开放。', closed: '现在不在缴费时间内，请稍后再来。', decides: '应缴金额以经办机构核定为准；本平台的计算过程供您核对。',
  },
  explain: {
    head: '这个金额是怎么算出来的', each: '每月金额', count: '月数', base: '缴费基数', tier: '档次', account: '其中计入个人账户', pool: '其中计入统筹', policy: '适用标准',
    differs: '本平台按标准算得 {ours} 元，经办机构核定 {theirs} 元，以经办机构为准。', provisional: '新标准尚未公布，暂按上年标准计算，公布后多退少补。',
  },
  tiers: {
    title: '调整档次', choose: '{year} 年的档次', no: '第 {n} 档', now: '当前', base: '缴费基数 {base} 元', monthly: '每月', state: '参保状态：{state}', from: '从哪个月起', from_hint: '未缴的月份按新档次计算；已缴的月份可能产生补差账单。',
    note: '档次越高，每月缴费越多。是否调整由您决定，本平台不作推荐。', save: '查看调整结果', confirm: '确认调整', own_only: '缴费档次只能由参保人本人选择。', proven_only: '选择档次前，请先完成本人实名核验。', saved: '已调整，自 {month} 起生效，产生 {n} 笔补差账单。', to_bills: '查看应缴费用',
  },
  quote: {
    title: '缴费试算', insurance: '险种', tier: '档次', least: '最低档', year: '年份', first: '起始月', months: '月数', ask: '试算', total: '合计', note: '试算仅供参考，应缴金额以经办机构核定为准。',
  },
  guide: {
    title: '缴费指南', lead: '{city}社保缴费标准', now: '现行标准', past: '往年标准', carried: '暂行标准（沿用上期）', floor: '缴费基数下限', ceiling: '缴费基数上限', document: '文件', tier: '档次', base: '基数', monthly: '每月', category: '人群', yearly: '每年',
    limit: '每笔最多 {limit} 元', source: '来源：', source_end: '', note: '标准由经办机构公布，本页注明出处。', part: { channels: '其他缴费渠道', payment_methods: '付款方式', notices: '通知', advice: '缴费提示', refund: '社保退费', objection: '异议办理', gap_rule: '断缴规定', topup: '个人账户充值', topup_guide: '个人账户充值步骤', more: '更多' },
  },
  confirm: {
    title: '确认缴费', total: '应付金额', who: '为谁缴费', what: '缴费内容', insured: '参保人', relation: '关系', number: '证件号码', city: '参保地', wallet: '付款方式', bills: '{n} 笔',
    second_head: '再次确认', second: '我已核对，本次是为 {name} 缴费，不是为我本人。', second_first: '请先勾选“再次确认”。', second_next: '请核对参保人姓名和证件号码后勾选。',
    note: '提交后账单会为您锁定，请在 30 分钟内付款。', pay: '确认并支付 {amount} 元', back: '返回修改',
  },
  cashier: {
    title: '模拟收银台', wechat: '微信支付 · 模拟收银台', alipay: '支付宝 · 模拟收银台', payee: '收款方：社会保险费（模拟商户）', order: '订单号', until: '付款截止', method: '支付方式', balance: '模拟余额',
    pay: '确认付款', cancel: '取消付款', more: '模拟其他情形', more_text: '真实的钱包里没有这些按钮，它们用来看服务如何应对。', vanish: '付款成功，但页面被关闭', fail: '付款失败', note: '真实环境中，这里是{wallet}自己的页面。',
  },
  closed: { title: '页面已关闭', head: '小程序页面已被关闭', text: '钱已付出，但页面没有等到结果。重新打开后，未完成的缴费会显示在首页。', open: '重新打开小程序' },
  trail: { head: '进度', ordered: '已下单', paid: '付款', booked: '入账', done: '已完成', now: '进行中', later: '未开始' },
  order: {
    title: '缴费结果', pay: '去支付', pay_on: '还没付款，继续支付本订单', voucher: '查看缴费凭证', receipt: '查看支付回执', again: '重新查询应缴', refresh: '刷新结果', cancel: '不缴了，关闭订单',
    cancel_sure: '关闭后，这笔订单不能再付款，账单会重新变为待缴。', cancel_yes: '确认关闭', about: '订单信息', number: '订单号', created: '下单时间', channel: '付款方式', paid_at: '付款时间', transaction: '交易单号',
    bills: '缴费明细（{n} 笔）', serial: '入账流水', refunds: '退款', object: '对这笔缴费有异议', no_second: '结果确认前，请勿重复支付。',
  },
  records: {
    title: '缴费记录', none: '还没有缴费记录。', none_found: '没有符合条件的记录。', start: '去缴费', more: '显示更多', filter: '筛选与打印', all: '全部', person: '参保人', insurance: '险种', state: '状态', from: '从', to: '到', print: '下载清单（PDF）',
  },
  state: { SUCCESS: '缴费成功', CREATED: '待支付', PAYING: '支付中', PAID: '已支付待入账', REFUNDED: '已退款', CLOSED: '已关闭' },
  voucher: {
    title: '缴费凭证', acknowledgement: '支付回执', serial: '凭证编号', code: '验证码', issued: '开具时间', capitals: '金额大写', status: '当前状态', download: '下载 PDF', check: '打开公开核验页', documents: '官方票证', documents_none: '税务、社保机构尚未提供官方票证。',
    lines: '缴费内容', save: '保存',
  },
  objection: {
    title: '提交异议', list: '我的异议', reason: '原因', evidence: '情况说明', evidence_hint: '请写明时间、金额和您认为不对的地方，不要填写证件号码。', send: '提交', sent: '已提交，我们会在页面上告知进度。', withdraw: '撤回', none: '没有提交过异议。', limit: '请在缴费后 30 日内提交。',
    wrong_amount: '金额不对', not_posted: '已付款但未入账', paid_twice: '重复扣款', wrong_person: '缴错了人', refund_missing: '退款没有到账', other: '其他',
  },
  rights: {
    title: '我的信息', lead: '您的信息由您决定', export: '导出我的信息', export_text: '下载本平台保存的关于您的全部信息，姓名和号码只显示一部分。', export_whole: '导出完整信息（需要再次确认身份）', erase: '注销并删除', erase_text: '删除您的信息。缴费记录按规定保存，但不再与您的姓名对应。', erase_sure: '确定删除吗？删除后不能恢复。', erase_yes: '确认删除', erased: '已删除，您已退出登录。', payers: '谁在为我缴费', payers_none: '没有人为您缴费。', payers_need: '完成本人实名核验后，可以看到谁在为您缴费，并可随时解除。请在“参保人”中办理。', unlink: '解除', since: '自 {time}',
    mobile: '手机号', mobile_none: '未绑定手机号', bind: '用平台手机号绑定', unbind: '解除绑定',
  },
  proof: { text: '请再次确认是您本人。', face: '人脸核验', sms: '短信验证码（{mobile}）', confirm: '确认', none: '请先添加本人或绑定手机号，再办理这一项。' },
  topup: { title: '个人账户充值', card: '社保卡号', card_hint: '社保卡上的卡号，不是银行卡号。', amount: '充值金额（元）', send: '生成充值账单', note: '充值款进入社保卡个人账户，不能用于缴纳养老保险。', sample: '填入演示卡号' },
  me: {
    title: '我的', guest: '未登录', logged_in: '已登录', logged_out: '登录后可以查看缴费记录', log_in: '登录', log_out: '退出登录', mine: '我的', people_text: '添加、移除，为谁缴费', show: '显示', elder_text: '字更大，按钮更大', language_text: '界面语言'
  },
  family: {
    title: '亲情代缴', ask: '请家人代缴', lead: '请家人帮您缴费', text: '生成一个链接发给家人。家人登录后核对，用自己的钱包付款。', make: '生成链接', what: '代缴内容', whatever: '所有待缴费用', need: '需要先完成本人实名核验，防止他人冒用您的名义。', made: '链接已生成', link: '亲情代缴链接',
    until: '有效期至 {time}，只能由一人接受。', copy: '复制链接', copied: '已复制，请发给家人。', withdraw: '撤回链接', withdrawn: '链接已撤回，不能再使用。', note: '链接里没有姓名和证件号码。家人只能看到金额和状态，您可以随时在“我的信息”中解除。',
    for: '为谁缴费', valid: '有效期至', own: '这是您自己发起的，请把链接发给家人打开。', accepted: '您已接受，可以去缴费。', asked: '{name} 请您代缴社保', asked_text: '请先确认您认识对方。接受后，对方会加入您的参保人列表。', whatever_text: '接受后，可以查询对方的待缴费用并代为缴纳。', accept: '接受并查看应缴费用', agree_next: '勾选后再点“接受”。', decline: '暂不接受',
  },
  mobile: {
    number: '手机号', number_hint: '中国内地 11 位手机号。', source: '来源', source_wechat: '微信', source_alipay: '支付宝', source_sms: '短信验证码', since: '绑定时间', by_message: '用短信验证码绑定', send: '获取验证码', again: '重新获取', again_in: '{n} 秒后可重新获取', code: '验证码', code_hint: '6 位数字，5 分钟内有效。请勿告诉他人。', bind: '确认绑定', inbox: '演示短信：', inbox_empty: '没有收到短信，请稍后再试。',
  },
  reminders: {
    title: '消息提醒', lead: '需要时提醒您', text: '每项提醒都由您同意后才发送。不同意也可以正常缴费。', want: '提醒我', once_more: '再提醒一次', stop: '不再提醒', on: '已开启', off: '未开启', left: '还可提醒 {n} 次', used: '次数已用完', away: '暂未开通', none: '这个平台暂时没有这种提醒。', since: '最近一次选择：{time}', quiet: '{from} 至 {to} 不发送提醒。', note: '每次同意只能发送一条，这是平台的规定。',
    asks: '{platform}询问', asks_text: '“社保缴费”请求向您发送一次以下消息：', played: '真实环境中，这个询问由平台弹出。', accept: '允许', reject: '拒绝',
  },
  problem: {
    broken: '页面出了点问题。', offline: '连接不上页面的服务器，请检查 mock 或 demo 是否还在运行。', timed_out_here: '等待太久，没有得到答复。', next: '请稍后再试。如果刚刚付过款，请勿重复支付，可在缴费记录中查看结果。', retry: '再试一次', see_order: '查看那笔订单', help: '需要帮助？请拨打'
  },
  panel: {
    title: '幕后：请求、签名与账目', open: '看幕后', close: '关闭', http: '小程序 ↔ 服务', platforms: '服务 ↔ 平台', notices: '通知', order: '订单', empty: '还没有内容。在手机页面上操作，这里会显示发生了什么。', sent: '发送', answered: '返回', verified: '签名通过', refused: '签名被拒', unsigned: '不签名', none: '未到验签', ms: '{n} 毫秒', accepted: '平台已确认送达', not_accepted: '平台未确认', answer_headers: '返回的签名头', headers: '签名头', body: '正文', docs: '接口文档', mock_side: '（模拟平台）', no_answer: '无应答', order_none: '打开一笔订单，这里显示它的状态变化和分录。', changes: '页面看到的状态变化', history: '订单流水', clear: '清空', latest: '最新在上',
    lead: '左边是手机，右边是它背后发生的事。令牌、姓名和证件号码已隐去。', 
  },
};
