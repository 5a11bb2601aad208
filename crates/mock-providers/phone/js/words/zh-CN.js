/** The page's own words in Chinese. Same keys as en.js; a test compares, and finds what nobody says. */
export default {
  app: {
    name: '城市服务', skip: '跳到主要内容', mock: '模拟环境，不会真的扣款', back: '返回', tabs: '主导航', loading: '正在加载',
    yuan: '元', comma: '、', keep: '不，保留', elder: '长辈版', elder_off: '标准版', demo: '演示说明', sending: '正在提交…', patience: '正在处理，请稍候。',
    now_in: '已切换为中文',
    tab: { home: '首页', records: '缴费记录', me: '我的' },
  },
  now: { standard: '已切换为标准版', large: '已切换为长辈版，大字', largest: '已切换为长辈版，特大字' },
  size: { standard: '标准', large: '大', largest: '特大' },
  insurance: { pension: '养老保险', medical: '医疗保险', unemployment: '失业保险', resident_medical: '城乡居民医保' },
  kind: { difference: '补差', back_payment: '补缴', topup: '个人账户充值' },
  kind_mark: { difference: '差', back_payment: '补', topup: '充' },
  kind_text: { difference: '已缴月份按新档次或新标准少缴的部分，不是新的月份。', back_payment: '以前漏缴的月份。', topup: '充入社保卡的医保个人账户。' },
  home: {
    title: '社保缴费', enrolled_in: '参保地', change: '切换', change_city: '参保城市', promise: '每一分钱都可查：已入账、已退回，或有专人核实',
    services: '缴费服务', no_services: '这个城市还没有开通缴费服务。', know: '缴费前了解', quote_text: '不登录也能算，每一步都看得到', guide_text: '缴费标准与办事说明',
    objection: '对缴费有疑问', objection_text: '从缴费记录中提交异议', unfinished: '您有一笔未完成的缴费', unfinished_text: '还没有付款的，请在 {time} 前付款；已经付款的，结果会自动更新，请勿重复支付。', under_way: '您有一笔正在处理的缴费', go_on: '继续支付', look: '查看进度', lines: '咨询电话',
  },
  line: { 12333: '人社（养老）', 12393: '医保', 12366: '税务', 95017: '微信支付客服', 95188: '支付宝客服' },
  service: {
    flex_pension: { name: '养老保险缴费', text: '灵活就业人员' },
    flex_medical: { name: '医疗保险缴费', text: '灵活就业人员' },
    flex_unemployment: { name: '失业保险缴费', text: '灵活就业人员' },
    resident_medical: { name: '城乡居民医保', text: '学生儿童、老年及其他居民，按年缴费' },
    back_payment: { name: '补缴', text: '补缴以前月份' },
    account_topup: { name: '社保卡个人账户充值', text: '充值款不能用于缴纳养老保险' },
  },
  cities: {
    title: '选择参保地', hint: '请选择参保地，也就是您的社保关系所在城市，不一定是您现在的位置。', open: '已开通城市（{n}）', here: '当前定位', locate: '使用我的位置', locating: '正在定位…', demo_place: '演示位置：无锡',
    privacy: '位置只用来推荐城市，不会保存。', recent: '最近访问', hot: '热门城市', letters: '字母索引', search: '搜索城市', searching: '正在搜索…', placeholder: '城市、省份、拼音或首字母',
    not_open: '敬请期待', county: '{province}直辖', none: '没有找到这个城市，请换一个写法。', no_place: '没有找到附近的城市，请在列表中选择。',
    placed: '已定位到{city}', refused: '没有取得位置，请在列表中选择。',
  },
  platform: { wechat: '微信小程序', alipay: '支付宝小程序' },
  platform_text: { wechat: '用微信支付付款', alipay: '用支付宝付款' },
  wallet: { wechat: '微信支付', alipay: '支付宝' },
  login: {
    title: '登录', lead: '您在哪个小程序里缴费？', text: '真实环境中，小程序会自动登录。这里请选择模拟哪一个平台。',
    note: '登录不需要密码，也不会取得您的支付信息。',
  },
  people: {
    title: '参保人', self: '本人', other: '他人', none: '还没有添加参保人。', add: '添加参保人', removed: '已移除的参保人', removed_now: '已移除{name}', remove: '移除',
    remove_sure: '移除{name}后，不能再为其查询和缴费；已有的缴费记录会保留。', remove_yes: '确认移除', note: '姓名和证件号码加密保存，页面上只显示一部分。',
    unverified: '尚未实名核验', verify: '实名核验', verified: '已实名核验（{time}）', verify_failed: '上次核验未通过，可以再试一次。', verify_agree: '点“实名核验”表示您已阅读并同意上述授权书。',
  },
  person: {
    title: '添加参保人', whom: '为谁缴费', name: '姓名', name_missing: '请填写姓名。', kind: '证件类型', number: '证件号码', number_missing: '请填写证件号码。', number_hint: '与社保登记一致。不是社保卡上的银行卡号。',
    demo: '演示专用', case: '虚构人员的情况', case_hint: '虚构的号码用从未启用的地区代码 320299，不会与任何人相同。', sample: '填入虚构的参保人', consent_head: '授权说明',
    consent_self: '为查询应缴费用并缴费，本服务会用您的姓名和证件号码向社保、医保经办机构查询。信息加密保存，可随时移除。',
    consent_other: '您将为他人查询和缴费。请确认已取得对方同意。您只能看到应缴金额和缴费状态，看不到对方的待遇信息；对方可以随时解除。',
    agree: '我已阅读并同意', agree_first: '请先阅读并勾选“我已阅读并同意”。', guardian: '参保人未满 14 周岁，我是其父母或其他监护人，同意为其办理。', guardian_first: '参保人未满 14 周岁，请由监护人阅读并勾选上面的声明。',
    birth_date: '出生日期', birth_date_missing: '请填写出生日期。', birth_date_hint: '证件号码里没有出生日期，只用于判断是否需要监护人声明，不保存。',
    save: '保存', note: '演示环境中请勿填写真实的个人信息。',
  },
  sample: { standard: '灵活就业，2023 年待缴', gap: '最近两个月没缴医保', missed_months: '有漏缴月份，可以补缴', resident: '城乡居民，按年缴费', elderly: '老年居民，按年缴费', child: '儿童（由家长代缴）' },
  document: {
    resident_id: '居民身份证', hkmt_residence: '港澳台居民居住证', foreign_pr: '外国人永久居留身份证', passport: '护照', hk_macau_pass: '港澳居民来往内地通行证', taiwan_pass: '台湾居民来往大陆通行证',
  },
  bills: {
    title: '选择缴费月份', whom: '为谁缴费', other_person: '添加', next: '下一步', chosen: '已选 {n} 笔', sum: '合计', none_chosen: '未选择月份', year: '{year} 年', change_tier: '调整档次', quick: '快速选择',
    nothing: '目前没有待缴的费用。', demo_years: '模拟经办机构只有 {year} 年的账单，所以这里不是今年的月份。', until: '最晚 {day} 缴纳', maintenance: '经办机构系统维护中，预计 {time} 恢复。', closed_until: '现在不在缴费时间内，{time} 开放。', closed: '现在不在缴费时间内，请稍后再来。', decides: '应缴金额以经办机构核定为准；本平台的计算过程供您核对。',
  },
  quick: { earliest: '最早 1 个月', three: '3 个月', year: '全年', none: '不选' },
  bill_state: { paid: '已缴', locked: '缴费中', expired: '已过期' },
  explain: {
    head: '这个金额是怎么算出来的', each: '每月金额', whole: '金额', count: '月数', base: '缴费基数', tier: '档次', account: '其中计入个人账户', pool: '其中计入统筹', policy: '标准编号',
    differs: '本平台按标准算得 {ours} 元，经办机构核定 {theirs} 元，以经办机构为准。', provisional: '新标准尚未公布，暂按上年标准计算，公布后多退少补。',
  },
  tiers: {
    title: '调整档次', choose: '{month}的档次', no: '第 {n} 档', none: '未选择', now: '当前', base: '缴费基数 {base} 元', monthly: '每月', state: '参保状态：{state}', from: '从哪个月起', from_hint: '未缴的月份按新档次计算；已缴的月份可能产生补差账单。',
    note: '档次越高，每月缴费越多。是否调整由您决定，本平台不作推荐。', preview: '看看会有什么变化', change: '请核对后确认', before: '现在', after: '调整后', unpaid: '未缴月份', unpaid_text: '{n} 个月按新档次', differences: '已缴月份的补差',
    lower: '已缴的月份不会因调低档次退钱。', own_only: '缴费档次只能由参保人本人选择。', proven_only: '选择档次前，请先完成本人实名核验。', save: '确认调整', not_now: '暂不调整', saved: '已调整，自{month}起生效，产生 {n} 笔补差账单。', to_bills: '查看应缴费用',
  },
  quote: {
    title: '缴费试算', insurance: '险种', tier: '档次', least: '最低档', base: '缴费基数（元）', base_hint: '{floor} 至 {ceiling} 元；不填按最低基数计算。', base_hint_least: '不低于 {floor} 元；不填按最低基数计算。', base_whole: '缴费基数应为整数元。',
    year: '年份', first: '起始月', months: '月数', n_months: '{n} 个月', ask: '试算', total: '合计', note: '试算仅供参考，应缴金额以经办机构核定为准。',
    empty: '{city}的缴费标准尚未收录，暂时不能试算。', none: '{month}的标准尚未收录，请换一个月份。', provisional: '只收录到{month}的标准，以下暂按它计算，新标准公布后会有变化。',
  },
  guide: {
    title: '缴费指南', lead: '{city}社保缴费标准', empty: '{city}的缴费标准尚未收录。', now: '现行标准', announced: '已公布、尚未实行', carried: '暂行标准（沿用上期）', past: '往年标准', floor: '缴费基数下限', ceiling: '缴费基数上限', document: '文件', tier: '档次', base: '基数', monthly: '每月', category: '人群', yearly: '每年',
    limit: '每笔最多 {limit} 元', source: '来源：', unchecked: '据公开资料整理，未经官方核实。', note: '标准以经办机构公布为准。',
  },
  guide_part: { channels: '其他缴费渠道', payment_methods: '付款方式', notices: '通知', advice: '缴费提示', refund: '社保退费', objection: '异议办理', topup_guide: '个人账户充值步骤', more: '更多' },
  guide_list: { reasons: '哪些情况可以申请', papers: '需要的材料', places: '到哪里办', banks: '可用的银行', steps: '怎么办' },
  confirm: {
    title: '确认缴费', total: '应付金额', who: '为谁缴费', what: '缴费内容', insured: '参保人', relation: '关系', number: '证件号码', card: '社保卡号', city: '参保地', wallet: '付款方式', bills: '{n} 笔', no_months: '不分月份',
    second_head: '再次确认', second: '我已核对，本次是为 {name} 缴费，不是为我本人。', second_first: '请核对参保人姓名和证件号码后勾选。',
    note: '提交后账单会为您锁定，请在 30 分钟内付款。', pay: '确认并支付 {amount} 元', back: '返回修改',
  },
  cashier: {
    title: '模拟收银台', kind: { wechat: '微信支付 · 模拟收银台', alipay: '支付宝 · 模拟收银台' }, payee: '收款方：社会保险费（模拟商户）', order: '订单号', until: '付款截止', method: '支付方式', balance: '模拟余额',
    pay: '确认付款', cancel: '取消付款', more: '模拟其他情形', more_text: '真实的钱包里没有这些按钮，它们用来看服务如何应对。', vanish: '付款成功，但页面被关闭', fail: '付款失败', note: '真实环境中，这里是{wallet}自己的页面。',
  },
  closed: { title: '页面已关闭', head: '小程序页面已被关闭', text: '钱已付出，但页面没有等到结果。重新打开后，这笔缴费会显示在首页或缴费记录里。', open: '重新打开小程序' },
  trail: { head: '进度', ordered: '下单', paid: '付款', booked: '入账', not_booked: '未入账', undone: '已撤销入账', returned: '退回' },
  trail_state: { done: '已完成', now: '进行中', later: '未开始' },
  order: {
    title: '缴费结果', pay: '去支付', voucher: '查看缴费凭证', receipt: '查看支付回执', again: '重新查询应缴', refresh: '刷新结果', asked: '刚刚查询过（{time}）：尚未付款', cancel: '不缴了，关闭订单', because: '原因：{reason}',
    cancel_sure: '关闭后，这笔订单不能再付款，账单会重新变为待缴。', cancel_yes: '确认关闭', about: '订单信息', number: '订单号', created: '下单时间', channel: '付款方式', paid_at: '付款时间', transaction: '交易单号',
    bills: '缴费明细（{n} 笔）', serial: '入账流水', refunds: '退款', object: '对这笔缴费有异议', no_second: '结果确认前，请勿重复支付。',
  },
  order_unpaid: {
    cancelled: '您已取消付款', cancelled_text: '未扣款。仍要缴费的，请在 {time} 前付款，逾期订单自动关闭。', failed: '付款没有成功', failed_text: '未扣款。请在 {time} 前重新付款，逾期订单自动关闭。',
  },
  records: {
    title: '缴费记录', none: '还没有缴费记录。', none_found: '没有符合条件的记录。', shown: '显示 {n} 笔记录', start: '去缴费', more: '显示更多', filter: '筛选与打印', all: '全部', person: '参保人', insurance: '险种', state: '状态', from: '从', to: '到', print: '下载清单（PDF）',
  },
  state: { SUCCESS: '缴费成功', CREATED: '待支付', PAYING: '支付中', PAID: '已支付待入账', REFUNDED: '已退款', CLOSED: '已关闭' },
  voucher: {
    title: '缴费凭证', acknowledgement: '支付回执', serial: '凭证编号', code: '验证码', issued: '开具时间', download: '下载 PDF', check: '打开公开核验页', documents: '官方票证', documents_none: '税务、社保机构尚未提供官方票证。', documents_need: '官方票证写有完整姓名，完成本人实名核验后可以在这里下载。', lines: '缴费内容',
  },
  objection: {
    title: '提交异议', list: '我的异议', reason: '原因', choose: '请选择', reason_missing: '请选择原因。', evidence: '情况说明', evidence_missing: '请写明情况。', evidence_hint: '请写明时间、金额和您认为不对的地方，不要填写证件号码。', send: '提交', withdraw: '撤回', withdrawn: '已撤回', none: '没有提交过异议。', limit: '请在缴费后 30 日内提交。',
  },
  objection_reason: { wrong_amount: '金额不对', not_posted: '已付款但未入账', paid_twice: '重复扣款', wrong_person: '缴错了人', refund_missing: '退款没有到账', other: '其他' },
  rights: {
    title: '我的信息', lead: '您的信息由您决定', export: '导出我的信息', export_text: '下载本平台保存的关于您的全部信息，姓名和号码只显示一部分。', export_whole: '导出完整信息（需要再次确认身份）', erase: '注销并删除', erase_text: '删除您的信息。缴费记录按规定保存，但不再与您的姓名对应。', erase_sure: '确定删除吗？删除后不能恢复。', erase_yes: '确认删除', erased: '已删除，您已退出登录。', payers: '谁在为我缴费', payers_none: '没有人为您缴费。', payers_need: '完成本人实名核验后，可以看到谁在为您缴费，并可随时解除。', unlink: '解除', unlinked: '已解除', since: '自 {time}',
    mobile: '手机号', mobile_none: '未绑定手机号', bind: '用平台手机号绑定', unbind: '解除绑定',
  },
  proof: { text: '请再次确认是您本人。', face: '人脸核验', sms: '短信验证码（{mobile}）', confirm: '确认', none: '请先添加本人或绑定手机号，再办理这一项。' },
  topup: { title: '个人账户充值', card: '社保卡号', card_missing: '请填写社保卡号。', card_hint: '社保卡上的卡号，不是银行卡号。', amount: '充值金额（元）', amount_missing: '请填写金额，最多两位小数。', send: '生成充值账单', note: '充值款进入社保卡个人账户，不能用于缴纳养老保险。', sample: '填入演示卡号' },
  me: {
    title: '我的', guest: '未登录', logged_in: '已登录', logged_out: '登录后可以查看缴费记录', log_in: '登录', log_out: '退出登录', mine: '我的', people_text: '添加、移除，为谁缴费', show: '显示', size: '字号', size_text: '“大”和“特大”是长辈版：字和按钮更大，颜色对比更强。', language_text: '界面语言',
  },
  family: {
    title: '亲情代缴', ask: '请家人代缴', lead: '请家人帮您缴费', text: '生成一个链接发给家人。家人登录后核对，用自己的钱包付款。', make: '生成链接', what: '代缴内容', whatever: '所有待缴费用', need: '需要先完成本人实名核验，防止他人冒用您的名义。', made: '链接已生成', link: '亲情代缴链接',
    until: '有效期至 {time}，只能由一人接受。', copy: '复制链接', copied: '已复制，请发给家人。', withdraw: '撤回链接', withdrawn: '链接已撤回，不能再使用。', note: '链接里没有姓名和证件号码。家人只能看到金额和状态，您可以随时在“我的信息”中解除。',
    for: '为谁缴费', valid: '有效期至', own: '这是您自己发起的，请把链接发给家人打开。', accepted: '您已接受，可以去缴费。', asked: '{name} 请您代缴社保', asked_text: '请先确认您认识对方。接受后，对方会加入您的参保人列表。', whatever_text: '接受后，可以查询对方的待缴费用并代为缴纳。', whatever_own: '家人接受后，可以查询您的待缴费用并代为缴纳，看不到您的待遇信息。', accept: '接受并查看应缴费用', decline: '暂不接受',
  },
  mobile: {
    number: '手机号', number_missing: '请填写手机号。', number_hint: '中国内地 11 位手机号。', source: '来源', since: '绑定时间', by_message: '用短信验证码绑定', send: '获取验证码', again: '重新获取', again_in: '{n} 秒后可重新获取', code: '验证码', code_missing: '请填写验证码。', code_hint: '6 位数字，5 分钟内有效。请勿告诉他人。', bind: '确认绑定', inbox: '演示短信：', inbox_empty: '没有收到短信，请稍后再试。',
  },
  mobile_source: { wechat: '微信', alipay: '支付宝', sms: '短信验证码' },
  reminders: {
    title: '消息提醒', lead: '需要时提醒您', text: '每项提醒都由您同意后才发送。不同意也可以正常缴费。', want: '提醒我', once_more: '再提醒一次', stop: '不再提醒', off: '未开启', left: '还可提醒 {n} 次', used: '次数已用完', away: '暂未开通', none: '这个平台暂时没有这种提醒。', since: '最近一次选择：{time}', quiet: '{from} 至 {to} 不发送提醒。', note: '每次同意只能发送一条，这是平台的规定。',
    asks: '{platform}询问', asks_text: '“社保缴费”请求向您发送一次以下消息：', played: '真实环境中，这个询问由平台弹出。', accept: '允许', reject: '拒绝',
  },
  problem: {
    broken: '页面出了点问题。', offline: '网络连接不上。', timed_out_here: '等待太久，没有得到答复。', next: '请稍后再试。如果刚刚付过款，请勿重复支付，可在缴费记录中查看结果。', retry: '再试一次', see_order: '查看那笔订单', help: '需要帮助？请拨打',
    not_logged_in: '登录已失效。', logged_out_text: '为保护您的信息，页面内容已隐去。重新登录后回到这里。', refill: '移除并重新填写', to_records: '返回缴费记录', to_people: '去参保人列表', to_home: '返回首页',
  },
  panel: {
    title: '幕后：请求、签名与账目', open: '看幕后', close: '关闭', lead: '左边是手机，右边是它背后发生的事。时间都是北京时间；令牌、姓名和证件号码已隐去。', docs: '接口文档', tabs: '幕后的内容', timeline: '时间线', books: '账目',
    lanes: '显示哪些往来', order_only: '只看这笔订单', find: '查找', empty: '还没有内容。在手机页面上操作，这里会按时间显示每一次往来：', none_fits: '没有符合条件的往来。',
    sent: '发送', answered: '返回', headers: '请求头', answer_headers: '返回的签名头', body: '正文（原样）', opened: '解密后的内容', no_answer: '无应答', ms: '{n} 毫秒', copy: '复制为 curl', copied: '已复制',
    mock_hint: '连接不上页面的服务器：请检查 mock 或 demo 是否还在运行。', order_none: '打开一笔订单，这里显示它的经过和每一笔分录。', changes: '页面看到的状态变化', history: '经过', entries: '复式分录', debit: '借', credit: '贷', amount: '金额', balance: '收款 {received} = 已入账 {booked} + 在途 {transit} + 待退 {owed} + 已退 {returned} + 待查 {suspense}', no_entries: '还没有分录：钱还没有动。', no_books: '账目只在 demo 里能看到；serve 不对外提供。', record: '订单的接口返回',
  },
  lane: { phone: '手机 → 服务', mock: '手机 → 模拟平台', wechat: '服务 → 微信', alipay: '服务 → 支付宝', agency: '服务 → 经办机构', notice: '平台 → 服务' },
  verdict: { verified: '签名通过', refused: '签名被拒', unsigned: '不签名' },
  notice: { accepted: '我方验签通过并记录，平台算作送达', signature: '我方判定：签名不可信，已拒绝', refused: '我方拒绝', unanswered: '没有应答' },
  account: { channel: '渠道应收', in_transit: '在途', premium: '应付保费', topup: '应付充值款', refund_payable: '应退', suspense: '待查' },
};
