/** Finding a city by what people type beyond its name: traditional characters, a province, a county that is no city. */
import { api, query } from '../api.js';

export const SEARCH_MAX = 20;

/** Traditional characters in names of cities and provinces, each before its simplified one. */
const TRADITIONAL = [
  '無无錫锡蘇苏漢汉廣广東东陽阳陝陕貴贵雲云寧宁蕪芜濰潍煙烟臺台濟济島岛棗枣澤泽濱滨鄭郑許许馬马駐驻荊荆門门黃黄岡冈鹹咸隨随長长張张陰阴邊边嶽岳婁娄懷怀連连遼辽錦锦鐵铁盤盘營营瀋沈撫抚順顺蘆芦齊齐爾尔龍龙',
  '鶴鹤雞鸡崗岗慶庆綏绥興兴鎮镇鹽盐揚扬縣县溫温紹绍麗丽銅铜巖岩廈厦贛赣饒饶鷹鹰瀘泸綿绵內内樂乐資资達达寶宝鷄鸡蘭兰銀银關关隴陇肅肃吳吴衛卫烏乌魯鲁薩萨倫伦貝贝彥彦瓊琼貢贡賓宾賀贺來来欽钦開开頂顶週周莊庄',
  '滄沧鄲郸臨临運运呂吕晉晋義义畢毕節节萬万亞亚鄉乡農农涼凉則则別别區区華华雙双圖图壩坝壯壮頭头嶺岭峽峡楊杨樹树灣湾潛潜瑪玛納纳維维遷迁邁迈遠远裡里裏里頗颇鮮鲜鴨鸭紅红',
].join('');
const SIMPLE = new Map(Array.from({ length: TRADITIONAL.length / 2 }, (_, at) => [TRADITIONAL[2 * at], TRADITIONAL[2 * at + 1]]));

/** What was typed, in simplified characters. */
export const simplified = (text) => [...text].map((sign) => SIMPLE.get(sign) ?? sign).join('');

/**
 * @param {string} typed
 * @param {{groups: object[], counties?: object[]}} index of all cities
 * @param {AbortSignal} signal
 * @returns {Promise<{cities: object[], counties: object[]}>} the best first
 */
export async function searched(typed, index, signal) {
  const text = simplified(typed);
  const all = index.groups.flatMap((group) => group.cities);
  const { cities } = await api('GET', `/v1/cities/search${query({ q: text, limit: 20 })}`, { signal, quiet: true });
  // A whole province, by its short or full name: those that are open first.
  const ofProvince = text.length >= 2 && !cities.some((city) => city.name === text)
    ? all.filter((city) => city.province === text.replace(/[省市]$|(回族|维吾尔|壮族)?自治区$/, '')).sort((a, b) => b.open - a.open) : [];
  const known = new Set(cities.map((city) => city.code));
  const counties = text.length >= 2 ? (index.counties ?? []).filter((county) => county.name.startsWith(text)) : [];
  // A county of a city is insured there.
  const theirs = counties.map((county) => all.find((city) => city.code === county.city)).filter((city) => city && !known.has(city.code));
  return {
    cities: [...cities, ...theirs, ...ofProvince.filter((city) => !known.has(city.code) && !theirs.includes(city))],
    counties: counties.filter((county) => !county.city),
  };
}
